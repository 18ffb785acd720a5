"""Refusals sent by the server itself, before or instead of the application."""

from __future__ import annotations

from app.edge.request_id import new_request_id
from app.envelope import close_answer
from app.errors import answer_for
from app.faults import ApiError


class HttpRefusal(Exception):
    """The connection must end with `answer()`: the client broke the protocol, or the server cannot take the request."""

    def __init__(self, error: ApiError, status: int | None = None) -> None:
        """`status` replaces the status that errors.py gives `error`."""
        super().__init__(str(error))
        self.error = error
        self.status = status

    def answer(self) -> bytes:
        """The whole response, which also closes the connection."""
        answer = answer_for(self.error)
        headers = (("x-request-id", new_request_id()), *answer.headers)
        return close_answer(self.status or answer.status, answer.body, headers)
