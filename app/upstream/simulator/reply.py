"""Shared by the writers of both protocols: ids, the creation time, JSON, and SSE frames."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from app.upstream.simulator.answer import SimulatedAnswer
from app.upstream.simulator.request import Json, SimulatedRequest

DONE = b"data: [DONE]\n\n"
FAILURE = "The simulated upstream failed while answering, as requested."

_encoder = msgspec.json.Encoder()
encode = _encoder.encode


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request; `created` is in Unix seconds."""

    request: SimulatedRequest
    answer: SimulatedAnswer
    created: int

    def id(self, kind: str, number: int = 0) -> str:
        """An id that is always the same for the same request, and unique within it."""
        return make_id(kind, self.request.seed, number)


def make_id(kind: str, seed: bytes, number: int = 0) -> str:
    return kind + hashlib.sha256(b"%b/%b/%d" % (kind.encode(), seed, number)).hexdigest()[:40]


def envelope(error: Json) -> bytes:
    return encode({"error": error})


def failure() -> Json:
    return {"message": FAILURE, "type": "server_error", "param": None, "code": "server_error"}
