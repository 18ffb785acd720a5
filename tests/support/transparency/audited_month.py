"""The month of ops/audit.md, and what its auditor is given: a copy of the sealed log, exports, a receipt, a provider's file.

Rule 1: the ledger's clock is set: September, October and two days of November pass without waiting.
Rule 2: the same seed makes the same figures, which the document prints. Only random bytes, and so hashes, differ.
Rule 3: what the operator gives is made by the operator's own commands.
"""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from click.testing import CliRunner

from app.cli import main
from app.ledger.codec import Codec
from app.ledger.sqlite import SQLiteLedger
from app.transparency.file import CheckpointFile
from app.transparency.receipts import Receipts
from app.transparency.sealer import Sealer
from domain.events import (
    AdjustmentPosted,
    CheckoutCompleted,
    Event,
    FundsWithdrawn,
    PriceListed,
    RefundPosted,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
    Tax,
    account_stream,
    checkout_stream,
    dispute_stream,
    payment_stream,
    price_stream,
    refund_stream,
)
from domain.payment import Return, Returned, settled_by, take_back
from domain.pricing import parse_prices, price_table
from domain.request import AnswerSource, Hold, debit, release
from domain.usage import Usage
from projections.proofs.keys import LogKeys
from projections.proofs.note import Note, parse_note
from tests.support.ledger.books import all_events
from tests.support.ledger.histories import PRICES, USD, Book, admission, checkout, settlement, use
from tests.support.paths import ROOT
from tests.support.transparency.logs import ORIGIN, SIGNER, WITNESS

ACCOUNTS = ("acct_acme", "acct_bob")
LAB = "acct_lab"
"""Whose month is short enough to be reckoned by hand."""
SAMPLE = "req_lab_2"
RAISED = parse_prices(
    {"input": "0.50", "cached_input": "0.0375", "output": "4.00", "web_search_call": "0.01", "image": "0.04"}
)
"""Of the model `large`, from October 16 on."""
KEYS = LogKeys(ORIGIN, (SIGNER,), witnesses=(WITNESS.verifier,))
EXPORTS = (
    ("csv", "--table", "journal", "--to", "2026-11-01", "--out", "journal.csv"),
    ("csv", "--table", "lots", "--to", "2026-11-01", "--out", "lots.csv"),
    ("csv", "--table", "usage", "--from", "2026-10-01", "--to", "2026-11-01", "--out", "usage.csv"),
    ("focus", "--from", "2026-10-01", "--to", "2026-11-01", "--out", "focus.csv"),
    ("beancount", "--to", "2026-11-01", "--out", "books.beancount"),
    ("hledger", "--to", "2026-11-01", "--out", "books.journal"),
)
_OPERATOR = """
[server]
public_url = "https://router.example"
[store]
url = "sqlite:///{folder}/operator.db"
[log]
origin = "{origin}"
key = "{key}"
witnesses = ["{witness}"]
"""


class Clocked(SQLiteLedger):
    """A ledger whose clock is set by hand."""

    at_micros = 0

    def now_micros(self) -> int:
        return self.at_micros

    def pass_to(self, day: str, hour: int = 9) -> None:
        """A day such as "2026-10-03"."""
        self.at_micros = int(datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC).timestamp()) * 1_000_000


class Month:
    """What happens; `ledger` is the operator's."""

    def __init__(self, ledger: Clocked) -> None:
        self.ledger, self.book, self.draw = ledger, Book(ledger), random.Random(10)
        self.prices = {"small": PRICES, "large": PRICES}
        self.versions = {"small": 1, "large": 1}

    def september(self) -> list[Hold]:
        """Returns what is open at its end: what its process left."""
        self.ledger.pass_to("2026-09-03")
        left = self.book.busy(60, seed=9, accounts=ACCOUNTS)
        self.book.open(LAB, f"{LAB}-1")
        return left

    def october(self, left: Iterable[Hold]) -> None:
        self.ledger.pass_to("2026-10-01")
        self.book.settle(*(release(hold, reason="orphaned") for hold in left))
        for day in range(2, 31):
            self.ledger.pass_to(f"2026-10-{day:02}")
            self._happenings(day)
            self._requests(day)

    def november(self) -> None:
        """What an audit of October must leave out."""
        self.ledger.pass_to("2026-11-02")
        self._requests(32)

    def _happenings(self, day: int) -> None:
        if day in (3, 12, 20):
            self._buy(f"co_{day}", ACCOUNTS[day % 2], Tax("DE", "taxed", 144) if day == 12 else None)
        elif day == 5:
            self._buy("co_lab", LAB, None)
        elif day == 9:
            self._lab("req_lab_1", Usage(input=1_000_000, cached_input=0, output=500_000))
        elif day == 15:
            paid = settled_by(checkout("co_12", ACCOUNTS[0]), "pi_co_12", Tax("DE", "taxed", 144))
            self.book.say(refund_stream("re_12"), *take_back(Return("re_12"), RefundPosted, paid, 250, Returned()))
        elif day == 16:
            self._raise_price()
        elif day == 21:
            self._lab(SAMPLE, Usage(input=1_200, cached_input=801, output=350, web_search_calls=1))
        elif day == 24:
            paid = settled_by(checkout("co_3", ACCOUNTS[1]), "pi_co_3")
            self.book.say(dispute_stream("du_3"), *take_back(Return("du_3"), FundsWithdrawn, paid, 900, Returned()))
        elif day == 28:
            reason = "an image was charged twice"
            correction = AdjustmentPosted(ACCOUNTS[0], "adj_28", "correction", 40_000_000, reason, "req-10-3-1")
            self.book.say(account_stream(ACCOUNTS[0]), correction)

    def _buy(self, checkout_id: str, account_id: str, tax: Tax | None) -> None:
        """$10 of credit for $9."""
        order = checkout(checkout_id, account_id)
        paid = settled_by(order, f"pi_{checkout_id}", tax)
        self.book.say(checkout_stream(checkout_id), order)
        self.book.say(checkout_stream(checkout_id), CheckoutCompleted(checkout_id, account_id, paid.payment_id))
        self.book.say(payment_stream(paid.payment_id), paid)

    def _raise_price(self) -> None:
        self.prices["large"], self.versions["large"] = RAISED, 2
        self.book.say(price_stream("large"), PriceListed("large", price_table(RAISED)))

    def _requests(self, day: int) -> None:
        """Some of a day, admitted and settled at the prices of that day."""
        names = (f"req-10-{day}-{number}" for number in range(1, self.draw.randrange(4, 9)))
        holds = self.book.admit(
            *(self._priced(admission(name, self.draw.choice(ACCOUNTS), self.draw)) for name in names)
        )
        self.ledger.at_micros += 7_000_000
        self.book.settle(*map(self._settled, holds))

    def _priced(self, admitted: RequestAdmitted) -> RequestAdmitted:
        return msgspec.structs.replace(admitted, price_version=self.versions[admitted.model])

    def _settled(self, hold: Hold) -> Event:
        prices, drawn = self.prices[hold.admitted.model], settlement(hold, self.draw)
        if isinstance(drawn, RequestReleased):
            return release(hold, reason=drawn.reason, upstream="openai", delivered=drawn.delivered, prices=prices)
        return self._charge(hold, use(self.draw))

    def _charge(self, hold: Hold, usage: Usage) -> RequestDebited:
        request_id, prices = hold.admitted.request_id, self.prices[hold.admitted.model]
        source = AnswerSource("openai", f"upstream-{request_id}", f"resp_{request_id}")
        return debit(hold, prices=prices, usage=usage, source=source, finish="stop")

    def _lab(self, request_id: str, usage: Usage) -> None:
        asked = (request_id, LAB, f"{LAB}-1", "large", "responses", self.versions["large"], 3 * USD, 4096)
        [hold] = self.book.admit(RequestAdmitted(*asked, "instance-1", 2_000_000_000_000_000))
        self.ledger.at_micros += 7_000_000
        self.book.settle(self._charge(hold, usage))


def make(folder: Path) -> None:
    """Into the auditor's folder: all that ops/audit.md says is there. The operator's own stands beside it."""
    operator = folder.parent / "operator"
    operator.mkdir()
    config = operator / "realrouter.toml"
    config.write_text(
        _OPERATOR.format(folder=operator, origin=ORIGIN, key=SIGNER.text(), witness=WITNESS.verifier), encoding="utf-8"
    )
    ledger, file = Clocked(str(operator / "operator.db")), CheckpointFile(operator / "log.checkpoint")
    try:
        ledger.migrate()
        month = Month(ledger)
        left = month.september()
        Sealer(ledger, KEYS, file, alone=True).seal()
        (folder / "september.checkpoint").write_text(file.read() or "", encoding="utf-8")
        month.october(left)
        october = all_events(ledger, Codec())
        Sealer(ledger, KEYS, file, alone=True).seal()
        (folder / "witnessed.checkpoint").write_text(_cosigned(ledger, file), encoding="utf-8")
        month.november()
        Sealer(ledger, KEYS, file, alone=True).seal()
        _provider_file(october, folder / "openai-october.csv")
    finally:
        ledger.close()
    for given in ("finance", "receipts"):
        (folder / given).mkdir()
    _run(config, "export", "log", "--out", folder / "copy")
    _run(config, "audit", "prove", SAMPLE, "--out", folder / "receipts" / f"{SAMPLE}.tlog-proof")
    for *wanted, out in EXPORTS:
        _run(config, "export", *wanted, folder / "finance" / out)
    (folder / "log-key.txt").write_text(f"{SIGNER.verifier}\n", encoding="utf-8")
    (folder / "witness-key.txt").write_text(f"{WITNESS.verifier}\n", encoding="utf-8")
    shutil.copy(ROOT / "ops/verify/realrouter_verify.py", folder)


def _cosigned(ledger: SQLiteLedger, file: CheckpointFile) -> str:
    """The newest checkpoint as the witness gives it back, who was slower than the log."""
    note = parse_note(file.read() or "")
    cosigned = str(Note(note.text, (*note.signatures, WITNESS.cosign(note.text, 1_793_700_000))))
    Receipts(ledger, KEYS).cosign(cosigned)
    return cosigned


def _provider_file(events: Iterable[Event], path: Path) -> None:
    """October as the provider has it, by its own request ids; input includes what was cached."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("request", "input", "cached", "output"))
        for event in events:
            if isinstance(event, RequestDebited) and (event.upstream_request_id or "").startswith("upstream-"):
                usage = event.usage
                counts = (usage.input_tokens, usage.cached_input, usage.output_tokens)
                writer.writerow((event.upstream_request_id, *counts))


def _run(config: Path, *arguments: object) -> None:
    done = CliRunner().invoke(main, [*map(str, arguments), "--config", str(config)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
