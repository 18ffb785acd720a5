"""The directives' grammar: what is accepted, and errors that list what is valid."""

from __future__ import annotations

import pytest

from app.upstream.simulator.directives import RULES, DirectiveError, Directives, for_upstream, parse

EXAMPLES = [
    ("", Directives()),
    ("status=429 retry_after=2", Directives(status=429, retry_after=2.0)),
    ("fail_at=3", Directives(fail_at=3)),
    ("  pace=0.02\n drop_at=0 ", Directives(pace=0.02, drop_at=0)),
    ("on=backup.eu-1 unreachable", Directives(on="backup.eu-1", unreachable=True)),
    (
        "tokens=48 chunk_tokens=4 duration=10 first_byte=5",
        Directives(tokens=48, chunk_tokens=4, duration=10.0, first_byte=5.0),
    ),
    ("no_usage filter refuse error_200", Directives(no_usage=True, filter=True, refuse=True, error_200=True)),
]


@pytest.mark.parametrize(("text", "parsed"), EXAMPLES)
def test_valid_directives_are_parsed(text: str, parsed: Directives) -> None:
    assert parse(text) == parsed


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("explode", "unknown simulator directive 'explode'; valid are: on=NAME, status=400..599"),
        ("fail_at", "'fail_at' needs a value of the form fail_at=0..1000000"),
        ("fail_at=", "'fail_at' needs a value"),
        ("fail_at=-1", "'fail_at' needs a value"),
        ("fail_at=3.5", "'fail_at' needs a value"),
        ("fail_at=٣", "'fail_at' needs a value"),
        ("fail_at=1 fail_at=2", "'fail_at' is given twice"),
        ("status=200", "'status' is out of bounds: status=400..599"),
        ("pace=nan", "'pace' needs a value"),
        ("pace=1e9", "'pace' needs a value"),
        ("duration=3601", "'duration' is out of bounds"),
        ("no_usage=1", "'no_usage' takes no value"),
        ("pace=1 duration=2", "exclude each other"),
        ("tokens=0", "'tokens' is out of bounds"),
        ("x" * 513, "longer than 512"),
    ],
)
def test_invalid_directives_are_rejected(text: str, complaint: str) -> None:
    with pytest.raises(DirectiveError) as caught:
        parse(text)
    assert complaint in str(caught.value)


def test_an_unknown_directive_is_rejected_with_all_valid_ones() -> None:
    with pytest.raises(DirectiveError) as caught:
        parse("nonsense")
    assert all(str(rule) in str(caught.value) for rule in RULES.values())


def test_every_rule_is_a_field_and_every_field_has_a_rule() -> None:
    assert set(RULES) == set(Directives.__dataclass_fields__)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.kind in ("integer", "seconds")])
def test_numbers_keep_their_bounds(name: str) -> None:
    rule = RULES[name]
    assert getattr(parse(f"{name}={rule.low}"), name) == rule.low
    assert getattr(parse(f"{name}={rule.high}"), name) == rule.high
    with pytest.raises(DirectiveError):
        parse(f"{name}={rule.high + 1}")


def test_directives_for_another_upstream_are_ignored() -> None:
    request = parse("on=a status=500")
    assert for_upstream(request, "a") is request
    assert for_upstream(request, "b") == Directives()
