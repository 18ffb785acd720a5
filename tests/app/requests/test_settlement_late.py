"""A debit that is in the ledger although its client was sent an error: what the account is given back."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain import buckets
from domain.events import AdjustmentPosted, RequestDebited
from tests.support.gateway.gateway import ACCOUNT, CREDIT_NANOS, responses, running
from tests.support.ledger.books import all_events
from tests.support.ledger.faulty_ledger import debits


@pytest.mark.parametrize("stream", [False, True])
async def test_a_debit_whose_answer_was_lost_for_good_is_given_back_once(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path, limits={"settle": 0.2}) as gateway:
        faulty = gateway.break_ledger()
        faulty.lose_one_answer_to(debits)
        faulty.down_for(lambda append: debits(append) and faulty.seen.count(append.command_id) > 1)
        answer = await gateway.post("responses", responses("Hello", "tokens=3", stream=stream))
        assert b"store_unavailable" in answer.content
        assert b"response.completed" not in answer.content
        await gateway.services.instance.lease.drain(5, 5)

        events = all_events(gateway.services.ledger, gateway.services.codec)
        [debit] = [event for event in events if isinstance(event, RequestDebited)]
        [correction] = [event for event in events if isinstance(event, AdjustmentPosted) and event.kind == "correction"]
        assert debit.cost_nanos > 0
        assert (correction.account_id, correction.amount_nanos) == (ACCOUNT, debit.cost_nanos)
        assert correction.reference == debit.request_id
        names = [buckets.available(ACCOUNT), buckets.held(ACCOUNT)]
        assert list(gateway.services.ledger.bucket_values(names).values()) == [CREDIT_NANOS, 0]
