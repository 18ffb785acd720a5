"""What an export refuses. `str(error)` is fit for whoever asked."""

from __future__ import annotations


class ExportUnfit(Exception):
    """The file that is there is not what the export could go on with."""


class NoSuchExport(Exception):
    """There is no export of this kind, or of this table in it."""
