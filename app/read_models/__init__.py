"""Read models on the two engines: storage of their rows, and queries."""

from __future__ import annotations

from app.read_models.log import DecodedLog
from app.read_models.postgres import PostgresReadModels
from app.read_models.sqlite import SQLiteReadModels

ReadModels = PostgresReadModels | SQLiteReadModels

__all__ = ["DecodedLog", "PostgresReadModels", "ReadModels", "SQLiteReadModels"]
