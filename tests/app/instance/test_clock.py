"""One clock, the store's: a process whose own clock is wrong judges the expiry of keys as the store does."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest
import trio

from domain.events import KeyLimits
from tests.support.gateway.gateway import envelope, make_key
from tests.support.gateway.signing_in import house, settings_of

HOUR = 3_600


@pytest.mark.parametrize("wrong_by", [HOUR, -HOUR])
async def test_a_process_an_hour_off_judges_expiry_by_the_stores_clock(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, wrong_by: int
) -> None:
    real = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: real() + wrong_by * 10**9)
    async with house(settings_of(tmp_path, postgres_url)) as home, home.client() as client:
        services = home.services
        now = await trio.to_thread.run_sync(services.ledger.now_micros)
        assert abs(services.now_micros() - now) < 60 * 10**6
        for seconds, status in ((HOUR // 2, 200), (-HOUR // 2, 401)):
            limits = KeyLimits(expires_at_micros=now + seconds * 10**6)
            make = partial(make_key, services.ledger, services.codec, limits=limits)
            key_id, secret = await trio.to_thread.run_sync(make)
            answer = await client.get("/v1/models", headers={"authorization": f"Bearer {secret}"})
            assert answer.status_code == status
            if status == 401:
                assert "has expired" in envelope(answer, 401, "invalid_api_key")["message"]
            assert services.accounts.keys.is_valid(key_id, services.now_micros()) == (status == 200)
