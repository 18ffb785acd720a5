"""The last line of defence: masks anything that looks like a secret in a line about to be written.

Rule 1: no code relies on this. Secrets are not logged in the first place; this catches an upstream's echo or a library's URL.
Rule 2: it runs on the finished line, so nesting hides nothing. It removes no quotes or backslashes, so JSON stays valid.
Rule 3: every part of the pattern has a bounded lookahead, so a long line costs no more per byte than a short one.
"""

from __future__ import annotations

import re

MASK = "****"

_SECRET = re.compile(
    r"(?P<url>://[^\s:/@\"'\\]{0,128}:)[^\s\"'\\]{0,512}@"
    r"|(?P<name>"
    r"\b(?:bearer|basic)\s+"
    r"|\b(?:password|passwd|secret|secret_key|webhook_secret|api[_-]?key|authorization|x-goog-api-key|access_token)"
    r"(?:\\?[\"'])?\s*[=:]\s*(?:\\?[\"'])?(?:bearer\s+|basic\s+)?"
    r")[^\s\"'\\,;&)}\]]+"
    r"|\b(?:sk|rk|pk)[-_][A-Za-z0-9_-]{8,}"
    r"|\bwhsec_[A-Za-z0-9+/=_-]+"
    r"|\bAIza[A-Za-z0-9_-]{20,}"
    r"|\bPRIVATE\+KEY\+[^\s\"'\\]+",
    re.IGNORECASE | re.ASCII,
)

_MARKS = (
    *("sk-", "sk_", "rk-", "rk_", "pk-", "pk_", "whsec_", "aiza", "bearer", "basic", "private+key"),
    *("passw", "secret", "api", "authorization", "access_token", "@"),
)
"""Every match of the pattern contains one of these. Searching for them first makes an ordinary line several times cheaper."""


def redact(text: str) -> str:
    """`text` with each part that looks like a secret masked. The secret's name is kept, so that a reader knows what was masked."""
    lower = text.lower()
    if not any(mark in lower for mark in _MARKS):
        return text
    return _SECRET.sub(_mask, text)


def _mask(match: re.Match[str]) -> str:
    if match["url"]:
        return f"{match['url']}{MASK}@"
    return f"{match['name'] or ''}{MASK}"
