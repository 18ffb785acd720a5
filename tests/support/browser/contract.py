"""Checks the responses that pages receive against the OpenAPI document that their types are generated from.

The build generates the types from the document, and this module checks the document against real responses. Together they ensure
that no page reads a field that no route sends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from playwright.sync_api import Page, Response


@dataclass
class Contract:
    """Collects the responses of /api and /v1 that a page receives."""

    page: Page
    document: dict[str, Any]
    answers: list[Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("response", self._keep)

    def check(self) -> set[str]:
        """Raises AssertionError if a response is not as documented. Returns the paths that were checked."""
        checked = set()
        for answer in self.answers:
            template, operation = self._operation(answer)
            content = operation["responses"][str(answer.status)].get("content", {})
            schema = content.get("application/json", {}).get("schema")
            if schema is None or answer.headers.get("content-type") != "application/json":
                continue
            whole = {**schema, "components": self.document["components"]}
            problems = [error.message for error in Draft202012Validator(whole).iter_errors(answer.json())]
            assert not problems, f"{answer.request.method} {answer.url}: {problems[:3]}"
            checked.add(template)
        return checked

    def _keep(self, response: Response) -> None:
        path = urlsplit(response.url).path
        if path.startswith(("/api/", "/v1/")) and path != "/api/events":
            self.answers.append(response)

    def _operation(self, response: Response) -> tuple[str, dict[str, Any]]:
        path, method = urlsplit(response.url).path, response.request.method.lower()
        for template, operations in self.document["paths"].items():
            if method in operations and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
                return template, operations[method]
        raise AssertionError(f"no operation is documented for {method} {path}")
