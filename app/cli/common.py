"""Shared by all commands: the configuration, the output of results, and the handling of errors.

Rule 1: exit code 0 is success, 1 failure, 2 wrong usage. A failure prints one line that says what to do.
Rule 2: with --json, stdout contains the result as one JSON object on one line, and nothing else.
Rule 3: a secret is printed once, by the command that creates it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
import msgspec

from app.ledger.codec import Codec
from app.ledger.store import Ledger, StoreUnavailable
from app.services import open_ledger
from app.settings import LogSettings, Settings, load
from app.settings.load import CONFIG_DEFAULT, CONFIG_VARIABLE
from domain.errors import Fault

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Context:
    """The options of every command: the configuration file, and the output format."""

    config: str
    as_json: bool

    def settings(self) -> Settings:
        """Raises SettingsError."""
        return load(self.config)

    def log(self) -> LogSettings:
        """The settings of the sealed log. Fails if the log is not sealed."""
        log = self.settings().log
        if log is None:
            raise click.ClickException(
                "The log is not sealed. Configure [log]; `realrouter audit key` creates the key."
            )
        return log

    @contextmanager
    def ledger(self) -> Iterator[tuple[Ledger, Codec]]:
        """The configured store, with this version's schema. Raises SchemaMismatch, StoreUnavailable."""
        codec = Codec()
        ledger = open_ledger(self.settings(), codec)
        try:
            ledger.check_schema()
            yield ledger, codec
        finally:
            ledger.close()

    def print(self, result: dict[str, Any], lines: str | Sequence[str]) -> None:
        """Print the result, as one line of JSON or as text."""
        if self.as_json:
            click.echo(msgspec.json.encode(result).decode())
        else:
            click.echo(lines if isinstance(lines, str) else "\n".join(lines))


def command(function: Callable[Concatenate[Context, P], R]) -> Callable[..., R]:
    """Add the options of all commands, pass a Context as first argument, and turn failures into exit code 1."""

    @click.option(
        "--config",
        metavar="FILE",
        default=lambda: os.environ.get(CONFIG_VARIABLE, CONFIG_DEFAULT),
        show_default=f"${CONFIG_VARIABLE} or {CONFIG_DEFAULT}",
        help="The configuration file.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
    @functools.wraps(function)
    def wrapped(config: str, as_json: bool, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(Context(config, as_json), *args, **kwargs)
        except StoreUnavailable as error:
            raise click.ClickException(f"The store is unavailable: {error}") from error
        except Fault as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{where}{error.strerror or error}") from error

    return wrapped


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> list[str]:
    """Rows under a header, with aligned columns separated by two spaces."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
