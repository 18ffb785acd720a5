"""What an HTTP client takes for its `verify` if it only speaks plain HTTP: reading the certificates of every authority takes
longer than most tests."""

from __future__ import annotations

import ssl
from typing import Final

NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""It trusts no authority."""
