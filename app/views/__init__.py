"""Read models on the two engines: where their rows live, and what they answer."""

from __future__ import annotations

from app.views.log import DecodedLog, ViewsUnavailable
from app.views.postgres import PostgresViews
from app.views.sqlite import SQLiteViews

Views = PostgresViews | SQLiteViews

__all__ = ["DecodedLog", "PostgresViews", "SQLiteViews", "Views", "ViewsUnavailable"]
