"""A statement as a self-contained printable page: no external resources, no scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from app.statements.month import Figures
from projections.exports.texts import date, fixed

_STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;color:#111;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:2rem 0 .5rem}p{margin:.25rem 0}"
    "table{border-collapse:collapse;width:100%}th,td{padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "th{border-bottom:1px solid #111;font-weight:600}td{border-bottom:1px solid #ddd;overflow-wrap:anywhere}"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}tr.t td{border-top:1px solid #111;font-weight:600}"
    "thead{display:table-header-group}tr{break-inside:avoid}h2{break-after:avoid}"
    "@page{margin:18mm}@media print{body{margin:0;max-width:none;padding:0;font-size:10pt}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_WORDS = {
    "top_up": "Credit purchased",
    "grant": "Credit granted",
    "correction": "Corrections",
    "refund": "Refunds",
    "refund_failed": "Failed refunds",
    "dispute": "Disputes",
    "dispute_won": "Disputes won",
}


def page(figures: Figures, *, name: str, account_id: str, seller: str, made_at_micros: int, complete: bool) -> str:
    """The HTML page. Text from others is escaped."""
    sums = [(_WORDS[kind], _usd(nanos)) for kind, nanos in figures.sums.items()]
    summary = [("Opening balance", _usd(figures.opening_nanos)), *sums, ("Usage", _usd(-figures.used_nanos))]
    usage = [
        (
            use.model,
            *map(str, (use.requests, use.input_tokens, use.cached_tokens, use.output_tokens)),
            _usd(use.cost_nanos),
        )
        for use in figures.usage
    ]
    rows = [
        (
            date(row.recorded_at_micros),
            _WORDS[row.kind],
            row.id,
            row.reason or row.reference or "",
            _usd(row.amount_nanos),
        )
        for row in figures.rows
    ]
    left_out = figures.rows_count - len(figures.rows)
    until = "" if complete else f" As of {date(made_at_micros)}; the month has not ended."
    until += f" Includes all events up to log position {figures.position}."
    parts = [
        f"<h1>Statement {escape(figures.month)}</h1>",
        f"<p>{escape(seller)}</p><p>{escape(name)} · {escape(account_id)}</p><p>Amounts in USD, months in UTC.{until}</p>",
        "<h2>Summary</h2>",
        _table(("", "USD"), summary, ("Closing balance", _usd(figures.closing_nanos)), numbers=1),
        "<h2>Usage</h2>",
        _table(
            ("Model", "Requests", "Input tokens", "Cached tokens", "Output tokens", "USD"),
            usage,
            ("", "", "", "", "", _usd(figures.used_nanos)),
            numbers=5,
        ),
        "<h2>Credit and corrections</h2>",
        _table(
            ("Date", "Type", "ID", "Details", "USD"),
            rows,
            ("", "", "", "", _usd(sum(figures.sums.values()))),
            numbers=1,
        ),
        f"<p>{left_out} older rows are not shown, but included in the sums.</p>" if left_out else "",
    ]
    head = f'<meta charset="utf-8"><title>Statement {escape(figures.month)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], total: Sequence[str], *, numbers: int) -> str:
    """The last `numbers` columns are numbers."""
    first = len(header) - numbers

    def line(cells: Sequence[str], tag: str) -> str:
        classes = ['class="n"' if place >= first else "" for place in range(len(cells))]
        return "".join(f"<{tag} {kind}>{escape(cell)}</{tag}>" for cell, kind in zip(cells, classes, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    foot = f'<tr class="t">{line(total, "td")}</tr>'
    return f"<table><thead><tr>{line(header, 'th')}</tr></thead><tbody>{body}{foot}</tbody></table>"


def _usd(nanos: int) -> str:
    return fixed(nanos, 9)
