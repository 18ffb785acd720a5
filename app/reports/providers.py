"""Compares a provider's usage export with the ledger.

Rule 1: requests are matched only by the provider's own request id. Rows with the same id are summed into one request.
Rule 2: differences are listed and counted; nothing is posted. Corrections are a separate command (`realrouter credit adjust`).
Rule 3: a file covers some period, so missing requests are searched only between the first and the last request found in both.
Charges outside are counted. If no request is found in both, nothing is compared, and the result is not ok.
Rule 4: the file is untrusted input: an invalid number is refused with its line, and an oversized file is refused.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.exports.source import Source, pages
from app.faults import ProviderFileUnfit
from app.reports.folds import OnProgress
from app.settings import ProviderExportSettings
from domain.errors import InvalidValue
from domain.events import RequestDebited
from domain.money import parse_scaled
from projections.exports.contract import event_of
from projections.exports.texts import fixed

REQUESTS_MAX = 5_000_000
COST_DECIMALS = 12
_PERCENT = 10**9


class ProviderUsage(msgspec.Struct, gc=False):
    """A request in the provider's file: tokens, and cost in picos. None: not in the file. `charged`: how often we charged it."""

    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    cost_picos: int | None
    line: int
    charged: int = 0


class ProviderDifference(msgspec.Struct, frozen=True):
    """`what`: input_tokens, cached_tokens, output_tokens or cost, for a request found in both; missing_here, in the file but never
    charged; missing_there, charged but not in the file; charged_twice, a second charge for the same request; without_id, a row
    that names no request. `line`: the line in the file."""

    what: str
    upstream_request_id: str
    request_id: str | None
    ours: str | None
    theirs: str | None
    line: int | None


class Reconciled(msgspec.Struct, frozen=True):
    """The result of a comparison. `outside`: charges before and after the compared range; `charges_without_id`: charges within it
    that have no provider request id. `counts` by `what`; `differences` are the first of them."""

    mapping: str
    upstream: str
    rows: int
    requests: int
    matched: int
    outside: int
    charges_without_id: int
    counts: dict[str, int]
    charged: str
    cost: str | None
    differences: tuple[ProviderDifference, ...]

    @property
    def ok(self) -> bool:
        return self.matched > 0 and not self.counts


@dataclass(slots=True)
class Differences:
    """Counts of differences, and the first of them."""

    first_max: int
    counts: Counter[str]
    first: list[ProviderDifference]

    def add(
        self,
        what: str,
        theirs_id: str,
        ours_id: str | None = None,
        ours: str | None = None,
        theirs: str | None = None,
        line: int | None = None,
    ) -> None:
        self.counts[what] += 1
        if len(self.first) < self.first_max:
            self.first.append(ProviderDifference(what, theirs_id[:200], ours_id, ours, theirs, line))

    def take(self, other: Differences | None) -> None:
        if other is not None:
            self.counts += other.counts
            self.first += other.first[: self.first_max - len(self.first)]


def reconcile(
    source: Source,
    mapping: ProviderExportSettings,
    path: Path,
    *,
    on_progress: OnProgress = lambda _done, _of: None,
    first_max: int = 20,
) -> Reconciled:
    """Blocks. Raises ProviderFileUnfit, StoreUnavailable, ExportStopped, OSError."""
    listing = Differences(first_max, Counter(), [])
    rows, theirs = read_file(path, mapping, listing)
    charged, cost, matched, outside, unnamed, pending = 0, 0, 0, 0, 0, 0
    lacking: Differences | None = None
    for event in _charges(source, mapping.upstream, on_progress):
        theirs_id = event.upstream_request_id or ""
        used = theirs.get(theirs_id)
        if used is not None:
            listing.take(lacking)
            lacking = Differences(first_max, Counter(), [])
            unnamed, pending = unnamed + pending, 0
            charged += event.cost_nanos
            if used.charged:
                listing.add("charged_twice", theirs_id, event.request_id, fixed(event.cost_nanos, 9), line=used.line)
            else:
                matched += 1
                cost += used.cost_picos or 0
                _compare(event, used, mapping, listing)
            used.charged += 1
        elif lacking is None:
            outside += 1
        elif theirs_id:
            lacking.add("missing_there", theirs_id, event.request_id, fixed(event.cost_nanos, 9))
        else:
            pending += 1
    for theirs_id, used in theirs.items():
        if not used.charged:
            listing.add("missing_here", theirs_id, theirs=_cost(used), line=used.line)
    return Reconciled(
        mapping.name,
        mapping.upstream,
        rows,
        len(theirs),
        matched,
        outside + pending + (0 if lacking is None else lacking.counts.total()),
        unnamed,
        dict(sorted(listing.counts.items())),
        fixed(charged, 9),
        None if mapping.cost is None else fixed(cost, COST_DECIMALS),
        tuple(listing.first),
    )


def read_file(
    path: Path, mapping: ProviderExportSettings, listing: Differences
) -> tuple[int, dict[str, ProviderUsage]]:
    """The number of rows, and the usage by request id. Rows without an id are added to `listing`. Raises ProviderFileUnfit,
    OSError."""
    found: dict[str, ProviderUsage] = {}
    rows = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=mapping.delimiter, strict=True)
            _check_header(reader.fieldnames or (), mapping, path)
            for row in reader:
                rows += 1
                where = f"{path.name}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise ProviderFileUnfit(f"{where}: the number of cells differs from the header.")
                _take(found, row, mapping, where, reader.line_num, listing)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ProviderFileUnfit(f"{path.name} is not valid CSV in UTF-8: {error}") from error
    return rows, found


def _check_header(names: Sequence[str], mapping: ProviderExportSettings, path: Path) -> None:
    columns = (mapping.request_id, mapping.input_tokens, mapping.cached_tokens, mapping.output_tokens, mapping.cost)
    for name in columns:
        if name is not None and name not in names:
            raise ProviderFileUnfit(f"{path.name} has no column {name!r}.")
        if name is not None and names.count(name) > 1:
            raise ProviderFileUnfit(f"{path.name} has more than one column {name!r}.")


def _take(
    found: dict[str, ProviderUsage],
    row: Mapping[str, str],
    mapping: ProviderExportSettings,
    where: str,
    line: int,
    listing: Differences,
) -> None:
    theirs_id = row[mapping.request_id].strip()
    input_tokens, cached, output, cost = (
        _number(row, column, decimals, where)
        for column, decimals in (
            (mapping.input_tokens, 0),
            (mapping.cached_tokens, 0),
            (mapping.output_tokens, 0),
            (mapping.cost, COST_DECIMALS),
        )
    )
    if not theirs_id:
        if any(cell.strip() for cell in row.values()):
            listing.add("without_id", "", theirs=None if cost is None else fixed(cost, COST_DECIMALS), line=line)
        return
    there = found.get(theirs_id)
    if there is None:
        if len(found) >= REQUESTS_MAX:
            raise ProviderFileUnfit(f"{where}: more than {REQUESTS_MAX} requests. Compare a shorter period.")
        found[theirs_id] = ProviderUsage(input_tokens, cached, output, cost, line)
        return
    there.input_tokens = _sum(there.input_tokens, input_tokens)
    there.cached_tokens = _sum(there.cached_tokens, cached)
    there.output_tokens = _sum(there.output_tokens, output)
    there.cost_picos = _sum(there.cost_picos, cost)


def _number(row: Mapping[str, str], column: str | None, decimals: int, where: str) -> int | None:
    """A cell as a whole number of 10^-decimals; an empty cell is 0."""
    if column is None:
        return None
    text = row[column].strip()
    try:
        return parse_scaled(text, decimals, column) if text else 0
    except InvalidValue as error:
        raise ProviderFileUnfit(f"{where}: {error}") from error


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _charges(source: Source, upstream: str, on_progress: OnProgress) -> Iterator[RequestDebited]:
    """The charges of requests that this upstream served."""
    until = source.end()
    for page in pages(source, 0, until):
        for fact in page:
            event = event_of(fact)
            if isinstance(event, RequestDebited) and event.upstream == upstream:
                yield event
        on_progress(page[-1].position, until)


def _compare(event: RequestDebited, used: ProviderUsage, mapping: ProviderExportSettings, listing: Differences) -> None:
    usage, theirs_id = event.usage, event.upstream_request_id or ""
    read = usage.input_tokens if mapping.input_includes_cached else usage.input_tokens - usage.cached_input
    for what, ours, theirs in (
        ("input_tokens", read, used.input_tokens),
        ("cached_tokens", usage.cached_input, used.cached_tokens),
        ("output_tokens", usage.output_tokens, used.output_tokens),
    ):
        if theirs is not None and ours != theirs:
            listing.add(what, theirs_id, event.request_id, str(ours), str(theirs), used.line)
    if used.cost_picos is not None and not _is_expected(event, used.cost_picos, mapping):
        listing.add("cost", theirs_id, event.request_id, fixed(event.cost_nanos, 9), _cost(used), used.line)


def _is_expected(event: RequestDebited, cost_picos: int, mapping: ProviderExportSettings) -> bool:
    """Whether the charge equals the cost plus markup, within the tolerance. Exact, in units of 10^-21 USD."""
    markup = parse_scaled(mapping.markup, 9, "markup")
    expected = cost_picos * (100 * _PERCENT + markup)
    charged = event.cost_nanos * 1_000 * 100 * _PERCENT
    tolerance = parse_scaled(mapping.tolerance, 9, "tolerance") * 1_000 * 100 * _PERCENT
    return abs(charged - expected) <= tolerance


def _cost(used: ProviderUsage) -> str | None:
    return None if used.cost_picos is None else fixed(used.cost_picos, COST_DECIMALS)
