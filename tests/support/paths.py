"""Where things are, however deep the module that asks for them lies."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout."""
RECORDINGS: Final = ROOT.parent / "shared" / "recordings"
"""Recorded answers of real vendors, next to the checkout. Where they are missing, the tests that read them are skipped."""
