"""realrouter export: the ledger, for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from app.cli.common import Context, command
from app.cli.progress import progress
from app.cli.read_models import caught_up_views
from app.exports.file import FileExport, Job
from app.exports.manifest import Manifest
from app.exports.source import OneAccount, WholeLog
from app.exports.wanted import FOCUS, TABLE_DEFAULT, TABLES, Wanted, encoder_for, provider_of, wanted
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.read_models import DecodedLog, ReadModels
from app.replay.replay import parse_at
from app.settings import Settings
from app.transparency.trees import Trees


@click.group()
def export() -> None:
    """Write the ledger out, for whoever checks it or keeps other books."""


def _options(tables: tuple[str, ...]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """What all of them take."""
    given = [
        click.option(
            "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="PATH", help="The file."
        ),
        click.option("--account", "account_id", metavar="ACCOUNT", help="Of one account; of all by default."),
        click.option("--from", "begins", metavar="TIME", help="From this instant or date on (UTC)."),
        click.option("--to", "ends", metavar="TIME", help="Up to before this instant or date (UTC)."),
        click.option("--after", type=click.IntRange(0), metavar="POSITION", help="Go on behind this position."),
    ]
    if tables:
        chosen = click.Choice(tables)
        given.append(
            click.option("--table", default=TABLE_DEFAULT, show_default=True, type=chosen, help="Which table.")
        )

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(given):
            function = option(function)
        return function

    return decorate


@export.command("csv")
@command
@_options(TABLES)
def csv(context: Context, **asked: Any) -> None:
    """A table as CSV: the statement, usage by request, the lots and what became of them, or the journal of postings.

    \b
    PATH is there whole or as it was, with PATH.manifest.json beside it: rows, control total, positions, SHA-256, checkpoint.
    Cut short, the same command goes on where it was. --after takes a file further that ends at this position; where there is
    no file, it writes what belongs behind one. Amounts have nine decimals. What a spreadsheet would compute of a text, also
    behind a semicolon, has an apostrophe before it.

    \b
    Example:
      realrouter export csv --table journal --out journal.csv
      realrouter export csv --account acct_1 --from 2026-11-01 --to 2026-12-01 --out november.csv
    """
    _export(context, "csv", **asked)


@export.command("parquet")
@command
@_options((*TABLES, FOCUS))
def parquet(context: Context, **asked: Any) -> None:
    """A table as Parquet, with decimals and instants as such. Needs pyarrow: pip install "realrouter[parquet]".

    What --after writes is a file of its own, under another name: a Parquet file has an end.

    \b
    Example:
      realrouter export parquet --table focus --out focus.parquet
    """
    _export(context, "parquet", **asked)


@export.command("focus")
@command
@_options(())
def focus(context: Context, **asked: Any) -> None:
    """FOCUS 1.2 as CSV: credit that was bought is Purchase, each line of a charge is Usage.

    Who sells is the host of [server] public_url: the manifest has it, and --after does not go on under another one.
    --out and --after are as with `export csv`.

    \b
    Example:
      realrouter export focus --from 2026-11-01 --to 2026-12-01 --out november.csv
    """
    _export(context, "focus", **asked)


@export.command("beancount")
@command
@_options(())
def beancount(context: Context, **asked: Any) -> None:
    """The journal for beancount: `bean-check PATH` accepts it, and finds our balances to the nano.

    With --from it begins with opening balances. --out and --after are as with `export csv`.

    \b
    Example:
      realrouter export beancount --out books.beancount
    """
    _export(context, "beancount", **asked)


@export.command("hledger")
@command
@_options(())
def hledger(context: Context, **asked: Any) -> None:
    """The journal for hledger: `hledger -f PATH check --strict` accepts it, and finds our balances to the nano.

    With --from it begins with opening balances. --out and --after are as with `export csv`.

    \b
    Example:
      realrouter export hledger --out books.journal
    """
    _export(context, "hledger", **asked)


class Options(NamedTuple):
    """What an export command was given."""

    out: Path
    account_id: str | None
    begins: str | None
    ends: str | None
    after: int | None
    table: str | None = None


def _export(context: Context, kind: str, **given: Any) -> None:
    options, settings = Options(**given), context.settings()
    provider, out = provider_of(settings), options.out
    asked = wanted(
        kind,
        options.table,
        provider=provider,
        account_id=options.account_id,
        from_micros=instant(options.begins, "--from"),
        to_micros=instant(options.ends, "--to"),
    )
    with (
        context.ledger() as (ledger, codec),
        _read_models(context, asked, ledger, codec) as read_models,
        progress(f"exporting {asked.table or kind}") as on_progress,
    ):
        source = source_of(asked.account_id, ledger, codec, read_models)
        encoder = encoder_for(asked, provider=provider, name_of=_names(read_models))
        job = Job(source, encoder, asked, log=DecodedLog(ledger, codec=codec).identity())
        checkpoint_of = _checkpoints(settings, ledger)
        made = FileExport(ledger, job, out, on_progress=on_progress, checkpoint_of=checkpoint_of)
        manifest = made.write(after=options.after)
    context.print({"out": str(out), **msgspec.to_builtins(manifest)}, _line(out, manifest))


def instant(text: str | None, option: str) -> int | None:
    """Micros of an instant or a date."""
    if text is None:
        return None
    try:
        return parse_at(text)["micros"]
    except (ValueError, KeyError, OverflowError) as error:
        raise click.UsageError(f"{option} takes an instant such as 2026-11-23T12:00:00, or a date.") from error


@contextmanager
def _read_models(context: Context, asked: Wanted, ledger: Ledger, codec: Codec) -> Iterator[ReadModels | None]:
    """The read models, where they are needed: for one account's positions, and for names."""
    needed = asked.account_id is not None or asked.is_focus
    with caught_up_views(context, ledger, codec) if needed else nullcontext() as read_models:
        yield read_models


def source_of(
    account_id: str | None, ledger: Ledger, codec: Codec, read_models: ReadModels | None
) -> WholeLog | OneAccount:
    """The whole log, or one account's part of it, which needs the read models."""
    if account_id is None or read_models is None:
        return WholeLog(ledger, codec)
    if read_models.account(account_id).value is None:
        raise click.ClickException(f"There is no account {account_id[:100]}. `realrouter account list` shows them all.")
    return OneAccount(ledger, codec, read_models, account_id)


def _names(read_models: ReadModels | None) -> Callable[[str], str]:
    @lru_cache(maxsize=4096)
    def name_of(account_id: str) -> str:
        account = None if read_models is None else read_models.account(account_id).value
        return account_id if account is None else account.name

    return name_of


def _checkpoints(settings: Settings, ledger: Ledger) -> Callable[[int], str | None]:
    """The signed checkpoint that has a position in it, where the log is sealed that far."""

    def of(position: int) -> str | None:
        if settings.log is None:
            return None
        kept = Trees(ledger, settings.log.origin).covering(position)
        return None if kept is None else kept.note

    return of


def _line(out: Path, manifest: Manifest) -> list[str]:
    sealed = "" if manifest.checkpoint is None else ", under a signed checkpoint"
    return [
        f"{manifest.rows} rows of positions {manifest.first_position} to {manifest.last_position} are in {out}{sealed}.",
        f"{manifest.control_of}: {manifest.control_total} USD. SHA-256: {manifest.sha256}",
    ]
