"""The content of the scripted vendors' answers. It is the same for each, so that one test covers all of them.

Law: the answer follows from the request. A tool's output is repeated in words; an offered function is called once for each city
that the question names; a web search finds one page; a PDF is opened and its pages are counted.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from pypdf import PdfReader

from app.upstream.simulator.png import draw
from app.upstream.simulator.schema import build

Json = dict[str, Any]

TEXT = "The note says: buy ledgers, 买账本."
"""With characters of three bytes: offsets that count bytes would show."""
THOUGHT = "The user wants a short answer."
SEARCH_QUERY = "AI platform news"
SEARCH_URL = "https://news.example/ledgers?day=1"
SEARCH_TITLE = "Ledgers in the news"
SEARCH_BEFORE = "Nachrichten für heute: "
SEARCH_CITED = "ledgers are back."
SEARCH_TEXT = SEARCH_BEFORE + SEARCH_CITED
IMAGE_SIDE = 1024
PAUSE = "think long"
"""A question with these words makes a vendor pause, if it supports that."""
CITIES = ("Toronto", "Oslo", "Lima")
SUBJECT = "Alice and Bob meet on day 12."

VENDOR_SECRETS = (
    "sk-ant-api03-SECRETsecret",
    "AIzaSySECRETsecretSECRETsecret",
    "org-ACME12345",
    "proj_SECRET99",
    "SECRET",
)
TELLTALE = "Key sk-ant-api03-SECRETsecret or AIzaSySECRETsecretSECRETsecret of org-ACME12345 and proj_SECRET99, projects/SECRET99."
"""Part of every error of the scripted vendors: the gateway's account at the vendor, which clients must not see."""


class BrokenRule(Exception):
    """A request that the vendor refuses. The message says which rule of its API was broken."""


def rule(holds: bool, text: str) -> None:
    if not holds:
        raise BrokenRule(text)


def cities_in(text: str) -> list[str]:
    """The cities that a question names, or the first of all cities if it names none."""
    return [city for city in CITIES if city in text] or [CITIES[0]]


def arguments_for(schema: Any, city: str) -> Json:
    """Arguments for a function of one city, or for any other schema."""
    made: Json = build(schema or {"type": "object"}, f"the weather in {city}", subjects=[city])
    return made


def sample(schema: Any) -> Any:
    """A value that fits a schema of structured output."""
    return build(schema, SUBJECT)


def told_of(outputs: Iterable[str]) -> str:
    """The final answer, once the outputs of all calls are here."""
    return "The weather: " + "; ".join(outputs)


def summary(data: bytes) -> str:
    """A vendor's words on a PDF, which it must be able to open."""
    rule(data.startswith(b"%PDF-"), "The document is no PDF.")
    return f"A PDF of {len(PdfReader(io.BytesIO(data)).pages)} pages."


def decoded(data: Any) -> bytes:
    rule(isinstance(data, str) and not data.startswith("data:"), "The data is base64, without a prefix.")
    return base64.b64decode(data, validate=True)


@cache
def image() -> str:
    """A PNG, base64."""
    return base64.b64encode(draw("an icon", IMAGE_SIDE, IMAGE_SIDE)).decode()


def pieces(text: str) -> list[str]:
    """The deltas of a streamed text: its words."""
    return re.findall(r"\S+\s*|\s+", text)
