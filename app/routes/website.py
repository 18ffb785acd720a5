"""The website on every address that is not the API's.

Rule 1: an address whose first part belongs to a route, or is kept for one, is never the website's: its errors stay envelopes.
Rule 2: what is read (GET, HEAD) is a page, a file, or the page of the website that says that there is none.
Rule 3: what would change something is 405 on a page. Elsewhere it is left to the API: a client whose base URL lacks /v1 is told so.
"""

from __future__ import annotations

from typing import Any

from app.edge.application import EdgeApplication
from app.envelope import JSON
from app.errors import answer_for
from app.faults import MethodNotAllowed
from app.website.site import READ_METHODS, Site, WebsiteAnswer

KEPT = frozenset({"api", "log", "simulator", "v1"})
"""First parts that are not the website's, whatever routes there are."""


def register(app: EdgeApplication, site: Site) -> None:
    """To be called last: the website has what the routes that are there have left."""
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
    """Up to the second slash. Slashes too many before it are a mistake in a base URL, not another address."""
    return path.lstrip("/").partition("/")[0]


def _not_allowed(method: str) -> WebsiteAnswer:
    refusal = answer_for(MethodNotAllowed(method, READ_METHODS))
    headers = [*refusal.headers, ("content-type", JSON), ("content-length", str(len(refusal.body)))]
    return WebsiteAnswer(
        refusal.status, [(name.encode("ascii"), value.encode("ascii")) for name, value in headers], refusal.body
    )
