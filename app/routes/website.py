"""The website, on every path that is not the API's.

Rule 1: a path whose first segment belongs to a route, or is reserved for one, is never the website's: its errors stay envelopes.
Rule 2: GET and HEAD are answered with a page, a file, or the website's own 404 page.
Rule 3: any other method is 405 on a page. On other paths the API answers, which tells a client whose base URL lacks /v1.
"""

from __future__ import annotations

from typing import Any

from app.edge.application import EdgeApplication
from app.envelope import JSON
from app.errors import answer_for
from app.faults import MethodNotAllowed
from app.website.site import READ_METHODS, Site, WebsiteAnswer

KEPT = frozenset({"api", "log", "simulator", "v1"})
"""First path segments that never belong to the website, even if no route uses them."""


def register(app: EdgeApplication, site: Site) -> None:
    """Give the website every path that no registered route has taken: call this last."""
    taken = KEPT | {first_part(rule.rule) for rule in app.url_map.iter_rules()}

    def elsewhere(scope: dict[str, Any]) -> WebsiteAnswer | None:
        path, method = scope["path"], scope["method"]
        if first_part(path) in taken:
            return None
        if method in READ_METHODS:
            return site.answer(path, scope["headers"])
        return _not_allowed(method) if site.knows(path) else None

    app.elsewhere = elsewhere


def first_part(path: str) -> str:
    """The first path segment. Extra leading slashes are a mistake in a base URL, not a different path."""
    return path.lstrip("/").partition("/")[0]


def _not_allowed(method: str) -> WebsiteAnswer:
    refusal = answer_for(MethodNotAllowed(method, READ_METHODS))
    headers = [*refusal.headers, ("content-type", JSON), ("content-length", str(len(refusal.body)))]
    return WebsiteAnswer(
        refusal.status, [(name.encode("ascii"), value.encode("ascii")) for name, value in headers], refusal.body
    )
