"""What the website documents as facts (web/lib: facts.json, example.json), against the reference, which is held against the code.

Rule: names, codes, statuses and figures must be the reference's; sentences may say it in a customer's words.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from domain.money import parse_usd
from domain.pricing import parse_prices, price_usage
from domain.usage import Usage
from tests.docs.test_readme import LINE, LINE_FORM
from tests.support.docs.documents import spans
from tests.support.docs.reference import REFERENCE, names, rows
from tests.support.paths import ROOT

FACTS: dict[str, list[dict[str, Any]]] = json.loads((ROOT / "web/lib/facts.json").read_text(encoding="utf-8"))
EXAMPLE: dict[str, Any] = json.loads((ROOT / "web/lib/example.json").read_text(encoding="utf-8"))
OPERATORS = {"/healthz", "/readyz", "/metrics", "/api/stripe/webhook"}
PAGES = {
    f"/docs/{page.parent.name}" if page.parent.name != "docs" else "/docs"
    for page in (ROOT / "web/app/docs").rglob("page.tsx")
}


def stated(table: str) -> dict[str, dict[str, Any]]:
    found = {entry["name"]: entry for entry in FACTS[table]}
    assert len(found) == len(FACTS[table]), f"{table}: a name stands twice"
    return found


def code(cell: str) -> str | None:
    """As the reference's cells write it: a code, null, or that it is the provider's."""
    return {"`null`": None, "*the provider's*": "provider"}.get(cell, cell.strip("`"))


def test_every_error_is_told_with_its_status_type_and_code_and_whether_sdks_retry_it() -> None:
    told = [(each["status"], each["type"], each["code"], each["retry"]) for each in FACTS["errors"]]
    reference = [
        (int(status), kind.strip("`"), code(name), retry)
        for status, kind, name, _when, _todo, retry in REFERENCE.rows("Errors", 6)
    ]
    assert sorted(told, key=str) == sorted(reference, key=str)


def test_every_route_is_told_but_those_for_operators() -> None:
    told = {(each["method"], each["path"], each["key"]) for each in FACTS["endpoints"]}
    reference = {(method.strip("`"), path.strip("`"), key) for method, path, key, _ in REFERENCE.rows("Routes", 4)}
    assert told == {route for route in reference if route[1] not in OPERATORS}


def test_the_headers_are_those_of_the_gateway() -> None:
    read, _, written = REFERENCE.section("Headers").partition("| Sent by the gateway")
    assert set(stated("request_headers")) <= names(read)
    assert set(stated("answer_headers")) <= names(written)
    assert {name for name in names(written) if name.startswith("x-ratelimit-")} <= set(stated("answer_headers"))


def test_the_limits_of_keys_their_refusals_and_windows() -> None:
    told = {name: [each["refused"], each["window"]] for name, each in stated("key_limits").items()}
    assert told == rows("Keys and their limits", 3)


def test_the_fixed_limits_have_their_values() -> None:
    reference = {name: int(value) for name, value in REFERENCE.rows("Fixed limits", 2)}
    told = {name: each["value"] for name, each in stated("fixed_limits").items()}
    assert told
    assert told == {name: reference.get(name) for name in told}


def test_the_lines_of_charges_and_the_reasons_of_releases() -> None:
    assert set(stated("cost_lines")) | set(stated("release_reasons")) == set(rows("What a request costs", 2))


def test_the_kinds_of_transactions_and_the_signs_of_their_amounts() -> None:
    told = {name: (each["amount"], each["reference"]) for name, each in stated("transactions").items()}
    assert told == {name: (amount, of) for name, (amount, _id, of) in rows("The account API", 4).items()}


def test_the_figures_of_the_front_page_are_those_of_the_demo() -> None:
    """The README's line, which the demo prints after the same request, and the lines that make the charge."""
    found = LINE_FORM.fullmatch(LINE)
    assert found is not None
    model, read, written, held, charged, balance = found.groups()
    lines = {line["kind"]: line for line in EXAMPLE["lines"]}
    assert EXAMPLE["model"] == model
    assert (lines["input"]["quantity"], lines["output"]["quantity"]) == (int(read), int(written))
    assert int(EXAMPLE["hold_nanos"]) == parse_usd(held, field="held")
    assert int(EXAMPLE["cost_nanos"]) == parse_usd(charged, field="charged")
    assert int(EXAMPLE["balance_nanos"]) - int(EXAMPLE["cost_nanos"]) == parse_usd(balance, field="balance")


def test_the_lines_of_the_front_page_make_its_charge() -> None:
    prices = parse_prices({"input": "0.25", "output": "2.00"})
    used = {line["kind"]: line["quantity"] for line in EXAMPLE["lines"]}
    cost = price_usage(prices, Usage(input=used["input"], output=used["output"]))
    assert cost.amount_nanos == int(EXAMPLE["cost_nanos"])
    assert [(line.kind, line.amount_picos) for line in cost.lines] == [
        (line["kind"], parse_usd(line["amount"], field="amount") * 1000) for line in EXAMPLE["lines"]
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "web").glob("app/**/*.tsx")), ids=lambda path: path.parent.name)
def test_pages_link_to_pages_that_are_there(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    linked = {link.partition("#")[0] for link in re.findall(r'(?:\]\(|href=")(/docs[^")\s]*)', text)}
    assert linked <= PAGES


def test_the_topics_are_the_pages() -> None:
    topics = (ROOT / "web/components/docs/topics.ts").read_text(encoding="utf-8")
    slugs = re.findall(r'slug: "([a-z-]*)"', topics)
    assert sorted(f"/docs/{slug}".rstrip("/") for slug in slugs) == sorted(PAGES)


def test_no_setting_of_the_operator_is_named_to_customers() -> None:
    told = {word for each in FACTS["errors"] for word in spans(f"{each['when']} {each['todo']}")}
    assert not {word for word in told if re.fullmatch(r"(server|limits|billing|stripe|files|store)\.[a-z_]+", word)}
