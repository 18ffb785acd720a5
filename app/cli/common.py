"""What every command shares: the configuration, the form of its results, and how errors end it.

Rule 1: exit 0 is done, 1 is "the thing asked failed", 2 is usage. A failure is one line that says what to do.
Rule 2: with --json a result is one JSON object on one line of stdout, and nothing else is there.
Rule 3: a secret is printed by the one command that makes it, once.
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
    """What a command was given: where the configuration is, and how to print."""

    config: str
    as_json: bool

    def settings(self) -> Settings:
        """Raises SettingsError."""
        return load(self.config)

    def log(self) -> LogSettings:
        """How the log is sealed. Fails where it is not."""
        log = self.settings().log
        if log is None:
            raise click.ClickException("The log is not sealed here: set [log] (`realrouter audit key` makes the key).")
        return log

    @contextmanager
    def ledger(self) -> Iterator[tuple[Ledger, Codec]]:
        """The store of the configuration, at this version's schema. Raises SchemaMismatch, StoreUnavailable."""
        codec = Codec()
        ledger = open_ledger(self.settings(), codec)
        try:
            ledger.check_schema()
            yield ledger, codec
        finally:
            ledger.close()

    def print(self, result: dict[str, Any], lines: str | Sequence[str]) -> None:
        """The result: as one JSON line, or in words."""
        if self.as_json:
            click.echo(msgspec.json.encode(result).decode())
        else:
            click.echo(lines if isinstance(lines, str) else "\n".join(lines))


def command(function: Callable[Concatenate[Context, P], R]) -> Callable[..., R]:
    """Options that all commands take, a Context as first argument, and failures as exit 1."""

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
            raise click.ClickException(f"The store is out of reach: {error}") from error
        except Fault as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{where}{error.strerror or error}") from error

    return wrapped


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> list[str]:
    """Rows under a header, columns aligned, two spaces between."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (header, *rows)
    ]
