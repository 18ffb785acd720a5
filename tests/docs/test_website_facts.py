"""The facts that the website documents (ops/website_facts.py, web/lib/example.json), against the reference, which other tests hold
against the code.

Rule: names, codes, statuses and figures must be the reference's; sentences may be in a customer's words.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from domain.money import parse_usd
from domain.pricing import parse_prices, price_usage
from domain.usage import Usage
from ops import website_facts
from tests.docs.test_readme import LINE, LINE_FORM
from tests.support.docs.documents import spans
from tests.support.docs.reference import REFERENCE, names, rows
from tests.support.paths import ROOT

FACTS = website_facts.facts()
EXAMPLE: dict[str, Any] = json.loads((ROOT / "web/lib/example.json").read_text(encoding="utf-8"))
OPERATORS = {"/healthz", "/readyz", "/metrics", "/api/stripe/webhook"}
PAGES = {
    f"/docs/{page.parent.name}" if page.parent.name != "docs" else "/docs"
    for page in (ROOT / "web/app/docs").rglob("page.tsx")
}


def stated(table: str) -> dict[str, dict[str, Any]]:
    """A table's entries by name."""
    found = {entry["name"]: entry for entry in FACTS[table]}
    assert len(found) == len(FACTS[table]), f"{table}: a name appears twice"
    return found


def code(cell: str) -> str | None:
    """The code that a cell of the reference stands for: None for null, "provider" for the provider's own."""
    return {"`null`": None, "*the provider's*": "provider"}.get(cell, cell.strip("`"))


def test_every_error_has_its_status_type_code_and_whether_sdks_retry_it() -> None:
    shown = [(each["status"], each["type"], each["code"], each["retry"]) for each in FACTS["errors"]]
    reference = [
        (int(status), kind.strip("`"), code(name), retry)
        for status, kind, name, _when, _todo, retry in REFERENCE.rows("Errors", 6)
    ]
    assert sorted(shown, key=str) == sorted(reference, key=str)


def test_every_route_is_listed_except_operators_routes() -> None:
    shown = {(each["method"], each["path"], each["key"]) for each in FACTS["endpoints"]}
    reference = {(method.strip("`"), path.strip("`"), key) for method, path, key, _ in REFERENCE.rows("Routes", 4)}
    assert shown == {route for route in reference if route[1] not in OPERATORS}


def test_the_headers_are_those_of_the_gateway() -> None:
    read, _, written = REFERENCE.section("Headers").partition("| Sent by the gateway")
    assert set(stated("request_headers")) <= names(read)
    assert set(stated("answer_headers")) <= names(written)
    assert {name for name in names(written) if name.startswith("x-ratelimit-")} <= set(stated("answer_headers"))


def test_the_limits_of_keys_their_refusals_and_windows() -> None:
    shown = {name: [each["refused"], each["window"]] for name, each in stated("key_limits").items()}
    assert shown == rows("Keys and their limits", 3)


def test_the_fixed_limits_have_their_values() -> None:
    reference = {name: int(value) for name, value in REFERENCE.rows("Fixed limits", 2)}
    shown = {name: each["value"] for name, each in stated("fixed_limits").items()}
    assert shown
    assert shown == {name: reference[theirs] for theirs, name in website_facts.FIXED_LIMITS.items()}


def test_the_lines_of_charges_and_the_reasons_of_releases() -> None:
    lines, reasons = set(stated("cost_lines")), set(stated("release_reasons"))
    assert lines | reasons == set(rows("What a request costs", 2))
    assert lines & reasons == set()
    assert {"input", "rounding"} <= lines
    assert "cancelled" in reasons


def test_the_kinds_of_transactions_and_the_signs_of_their_amounts() -> None:
    shown = {name: (each["amount"], each["reference"]) for name, each in stated("transactions").items()}
    assert shown == {name: (amount, of) for name, (amount, _id, of) in rows("The account API", 4).items()}


def test_the_figures_of_the_front_page_are_those_of_the_demo() -> None:
    """They are on the README's line, which the demo prints after the same request."""
    found = LINE_FORM.fullmatch(LINE)
    assert found is not None
    model, read, written, held, charged, balance = found.groups()
    lines = {line["kind"]: line for line in EXAMPLE["lines"]}
    assert EXAMPLE["model"] == model
    assert (lines["input"]["quantity"], lines["output"]["quantity"]) == (int(read), int(written))
    assert int(EXAMPLE["hold_nanos"]) == parse_usd(held, field="held")
    assert int(EXAMPLE["cost_nanos"]) == parse_usd(charged, field="charged")
    assert int(EXAMPLE["balance_nanos"]) - int(EXAMPLE["cost_nanos"]) == parse_usd(balance, field="balance")


def test_the_lines_on_the_front_page_add_up_to_its_charge() -> None:
    prices = parse_prices({"input": "0.25", "output": "2.00"})
    used = {line["kind"]: line["quantity"] for line in EXAMPLE["lines"]}
    cost = price_usage(prices, Usage(input=used["input"], output=used["output"]))
    assert cost.amount_nanos == int(EXAMPLE["cost_nanos"])
    assert [(line.kind, line.amount_picos) for line in cost.lines] == [
        (line["kind"], parse_usd(line["amount"], field="amount") * 1000) for line in EXAMPLE["lines"]
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "web").glob("app/**/*.tsx")), ids=lambda path: path.parent.name)
def test_pages_link_to_existing_pages(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    linked = {link.partition("#")[0] for link in re.findall(r'(?:\]\(|href=")(/docs[^")\s]*)', text)}
    assert linked <= PAGES


def test_the_topics_are_the_pages() -> None:
    topics = (ROOT / "web/components/docs/topics.ts").read_text(encoding="utf-8")
    slugs = re.findall(r'slug: "([a-z-]*)"', topics)
    assert sorted(f"/docs/{slug}".rstrip("/") for slug in slugs) == sorted(PAGES)


def sentences() -> list[str]:
    return [text for table in FACTS.values() for each in table for text in each.values() if isinstance(text, str)]


def test_customers_read_of_no_setting_file_or_section_of_the_operators() -> None:
    named = {word for text in sentences() for word in spans(text)}
    assert not {word for word in named if re.fullmatch(r"\[?(server|limits|billing|stripe|files|store)\b.*", word)}
    assert not {word for word in named if word.startswith(("ops/", "realrouter "))}
    assert not [text for text in sentences() if re.search(r"[Ss]ee \*", text)]


# The generator


def test_the_file_is_written_only_if_it_would_change(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    website_facts.write(path)
    assert json.loads(path.read_text(encoding="utf-8")) == FACTS
    path.chmod(0o444)
    before = path.stat().st_mtime_ns
    website_facts.write(path)
    assert path.stat().st_mtime_ns == before
    path.chmod(0o644)
    path.write_text("{}", encoding="utf-8")
    website_facts.write(path)
    assert json.loads(path.read_text(encoding="utf-8")) == FACTS


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("ERRORS", (418, "teapot")),
        ("ROUTES", ("GET", "/v1/teapots")),
        ("REQUEST_HEADERS", "x-teapot"),
        ("FIXED_LIMITS", "Teapots"),
        ("COST_LINES", "teapot"),
    ],
)
def test_words_for_a_row_that_the_reference_lacks_are_an_error(
    monkeypatch: pytest.MonkeyPatch, table: str, name: Any
) -> None:
    monkeypatch.setitem(getattr(website_facts, table), name, None)
    with pytest.raises(website_facts.UnknownRow, match=r"[Tt]eapot"):
        website_facts.facts()


def test_a_heading_that_the_reference_lacks_is_an_error() -> None:
    with pytest.raises(website_facts.UnknownRow, match="no heading 'Teapots'"):
        website_facts.section("Teapots")
