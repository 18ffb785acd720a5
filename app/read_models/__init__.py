"""Read models on the two engines: where their rows live, and what they answer."""

from __future__ import annotations

from app.read_models.log import DecodedLog
from app.read_models.postgres import PostgresReadModels
from app.read_models.sqlite import SQLiteReadModels

ReadModels = PostgresReadModels | SQLiteReadModels

__all__ = ["DecodedLog", "PostgresReadModels", "ReadModels", "SQLiteReadModels"]
