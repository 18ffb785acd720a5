"""Why a website cannot be served."""

from __future__ import annotations


class SiteUnfit(Exception):
    """The website that was found is not one that can be served. `str(error)` is fit for the operator's eyes."""
