"""The whole corpus against one `realrouter serve`, then an audit of its ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain import buckets
from domain.events import RequestDebited
from tests.protocols.reports.test_reports import CASES
from tests.support.gateway.processes import PATIENCE_SECONDS
from tests.support.ledger.books import all_events, check_books
from tests.support.ledger.ledgers import check_log
from tests.support.reports.cases import Case
from tests.support.reports.process import Outside, shop_process


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_the_corpus_against_a_process_leaves_books_that_an_audit_confirms(tmp_path: Path) -> None:
    """Every case has its outcome. No account is below zero except by an overrun that its case lists."""
    cases = [Case(path) for path in CASES]
    count = 0
    async with shop_process(tmp_path, cases) as (opened, outside):
        for case in cases:
            for run in case.runs():
                count += 1
                seen = await opened.check(case, run)
                if run.mode == "plain" and seen.finish is not None and case.answers:
                    await opened.check_return(case, run, seen)
        outside.gateway.terminate()
        assert await outside.gateway.ended(PATIENCE_SECONDS) == 0
        below = check_accounts(outside)
        audit = outside.house.command("audit", "replay")
        assert audit.returncode == 0, audit.stdout + audit.stderr
        print(f"\n{len(cases)} cases, {count} runs, {below} accounts below zero by an overrun\n{audit.stdout}")


def check_accounts(outside: Outside) -> int:
    """Check the books and the log. Returns how many accounts are below zero, each by no more than the overruns of its debits."""
    ledger, codec = outside.house.ledger, outside.house.codec
    check_books(ledger, codec)
    with ledger.snapshot() as reader:
        check_log(reader, codec)
    overruns: dict[str, int] = {}
    for event in all_events(ledger, codec):
        if isinstance(event, RequestDebited):
            overruns[event.account_id] = overruns.get(event.account_id, 0) + event.overrun_nanos
    below = 0
    for account_id in outside.accounts:
        [nanos] = ledger.bucket_values([buckets.available(account_id)]).values()
        assert nanos >= -overruns.get(account_id, 0), f"{account_id} is below zero: {nanos}"
        below += nanos < 0
    return below
