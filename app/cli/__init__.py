"""The program `realrouter`: a module for each group of commands, all of them thin."""

from app.cli.main import main

__all__ = ["main"]
