"""Read models on the two engines: where their rows live, and what they answer."""

from __future__ import annotations

from app.faults import ViewsUnavailable
from app.read_models.log import DecodedLog
from app.read_models.postgres import PostgresViews
from app.read_models.sqlite import SQLiteViews

Views = PostgresViews | SQLiteViews

__all__ = ["DecodedLog", "PostgresViews", "SQLiteViews", "Views", "ViewsUnavailable"]
