"""What a process is built of: opened from the settings, watched, and closed in order."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from structlog.testing import capture_logs

from app.accounts.commands import apply_prices
from app.faults import ReadModelsUnavailable, UpstreamBroken, UpstreamRefused, UpstreamTimeout, UpstreamUnreachable
from app.ledger.codec import Codec
from app.ledger.store import StoreUnavailable
from app.read_models import ReadModels
from app.requests.serving import check_prices
from app.services import open_ledger, open_services
from app.settings import parse
from app.upstream.http import HttpUpstream
from app.upstream.simulator import SimulatorUpstream
from tests.support.gateway.gateway import VENDOR_KEY, configuration, prepare, responses, running


async def test_upstreams_are_those_of_the_settings_and_keep_their_keys_to_themselves(tmp_path: Path) -> None:
    settings = parse(configuration(tmp_path, upstreams={"sim": "", "vendor": "https://vendor.example/v1"}))
    prepare(settings)
    async with open_services(settings) as services:
        made = services.serving.runtime.upstreams._upstreams
        assert isinstance(made["sim"], SimulatorUpstream)
        assert isinstance(made["vendor"], HttpUpstream)
        assert VENDOR_KEY not in repr(made["vendor"])
        assert VENDOR_KEY not in repr(services.settings)


async def test_listings_name_the_newest_version_of_every_price(tmp_path: Path) -> None:
    text = configuration(tmp_path)
    prepare(parse(text))
    dearer = parse(text.replace('output = "2.00"', 'output = "2.50"'))
    codec = Codec()
    ledger = open_ledger(dearer, codec)
    apply_prices(ledger, codec, dearer.catalog())
    listed = check_prices(ledger, codec, dearer.catalog())
    ledger.close()
    assert {listing.version for listing in listed.values()} == {2}
    async with open_services(dearer) as services:
        assert services.serving.listings == listed


async def test_a_store_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    text = configuration(tmp_path)
    prepare(parse(text))
    (tmp_path / "realrouter.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreUnavailable):
        async with open_services(parse(text)):
            raise AssertionError("it opened")


async def test_errors_of_upstreams_are_counted_by_their_kind(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        told = gateway.services.serving.runtime.upstreams._on_error
        for error in (
            UpstreamUnreachable("simulator", "x"),
            UpstreamTimeout("simulator", "x"),
            UpstreamBroken("simulator", "x"),
            UpstreamRefused("simulator", "x", status=500),
        ):
            told(error)
        text = gateway.services.metrics.render()[0].decode()
        for kind in ("unreachable", "timeout", "broken", "refused"):
            assert f'kind="{kind}"' in text


def stands_at(views: ReadModels) -> int:
    """Where the read models are; nowhere before the runner has made their tables."""
    try:
        return views.totals().position
    except ReadModelsUnavailable:
        return -1


async def test_the_projections_follow_while_the_process_runs(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        await gateway.post("responses", responses())
        event = await gateway.only_debit()
        head = gateway.services.ledger.head().position
        while await trio.to_thread.run_sync(stands_at, gateway.services.read_models) < head:
            await trio.testing.wait_all_tasks_blocked(0.01)
        totals = gateway.services.read_models.totals().value
        assert (totals.completed, totals.cost_nanos, totals.held_nanos) == (1, event.cost_nanos, 0)


async def test_what_a_vendor_says_of_our_account_is_in_the_log_and_other_words_are_not(tmp_path: Path) -> None:
    settings = parse(configuration(tmp_path))
    prepare(settings)
    refusals = (
        UpstreamRefused("simulator", "Your credit balance is too low.", status=403, code="upstream_refused"),
        UpstreamRefused("simulator", "You wrote: a private thing.", status=400),
    )
    with capture_logs() as lines:
        async with open_services(settings) as services:
            for refusal in refusals:
                services.serving.runtime.upstreams._on_error(refusal)
    told = [line for line in lines if line["event"] == "an upstream rejects our credentials"]
    assert [(line["upstream"], line["status"], line["message"]) for line in told] == [
        ("simulator", 403, "Your credit balance is too low.")
    ]
    assert "private" not in str(lines)
