"""What looks like a secret is masked; what does not stays as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.telemetry.redact import redact


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("key sk-proj-abcdefgh1234 end", "key **** end"),
        ("sk_live_abcdefgh rk_test_abcdefgh", "**** ****"),
        ("Bearer abc.def", "Bearer ****"),
        ("authorization: bearer abc", "authorization: bearer ****"),
        ('{"Authorization": "Bearer abc"}', '{"Authorization": "Bearer ****"}'),
        ('{"api_key":"abc","n":1}', '{"api_key":"****","n":1}'),
        ("whsec_abc/+=", "****"),
        ("key PRIVATE+KEY+log.example/x+db59201e+AQEB/+= end", "key **** end"),
        ("postgresql://me:p%40w@h/db", "postgresql://me:****@h/db"),
        ("postgresql://me:p@w@h/db", "postgresql://me:****@h/db"),
        ("postgresql://me:p&w,x@h/db", "postgresql://me:****@h/db"),
        ("postgresql://:pw@h/db", "postgresql://:****@h/db"),
        ("host=h password=pw user=u", "host=h password=**** user=u"),
        ("https://h/x?api_key=abc&y=1", "https://h/x?api_key=****&y=1"),
    ],
)
def test_secrets_are_masked(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "gpt-5.4-mini",
        "task-force-mission",
        "https://h:8000/v1",
        "req_sk",
        "127.0.0.1:8000",
        "the password is wrong",
        "a@b.c",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redact(text) == text


SECRETISH = st.sampled_from(
    ["sk-abcdefgh12", "Bearer x", "password=", "://u:", "@h", '"', "\\", "\n", "api_key", ": ", "z"]
)


@given(st.dictionaries(st.text(max_size=5), st.lists(SECRETISH | st.text(max_size=4)).map("".join), max_size=4))
def test_json_stays_json(value: dict[str, str]) -> None:
    assert json.loads(redact(json.dumps(value))).__class__ is dict


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["://a:b", "://", "bearer ", "password ", "password  ", "sk-", "a@", "sk-a "])
def test_a_long_line_of_near_misses_is_no_trap(piece: str) -> None:
    assert redact(piece * 20_000 + " sk-hidden12345").endswith(" ****")
