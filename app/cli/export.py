"""realrouter export: writes the ledger in formats for other programs."""

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
from app.cli.read_models import caught_up_read_models
from app.exports.file import FileExport, Job
from app.exports.kinds import FOCUS, TABLE_DEFAULT, TABLES, ExportSpec, encoder_for, export_spec, provider_of
from app.exports.manifest import Manifest
from app.exports.source import OneAccount, WholeLog
from app.ledger.codec import Codec
from app.ledger.store import Ledger
from app.read_models import DecodedLog, ReadModels
from app.replay.replay import parse_at
from app.settings import Settings
from app.transparency.trees import Trees


@click.group()
def export() -> None:
    """Export the ledger for auditing or for other accounting tools."""


def _options(tables: tuple[str, ...]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options of every export command."""
    given = [
        click.option(
            "--out",
            required=True,
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="PATH",
            help="The file to write.",
        ),
        click.option("--account", "account_id", metavar="ACCOUNT", help="Only this account; all accounts by default."),
        click.option("--from", "begins", metavar="TIME", help="Start at this instant or date (UTC)."),
        click.option("--to", "ends", metavar="TIME", help="End before this instant or date (UTC)."),
        click.option("--after", type=click.IntRange(0), metavar="POSITION", help="Continue after this log position."),
    ]
    if tables:
        chosen = click.Choice(tables)
        given.append(
            click.option("--table", default=TABLE_DEFAULT, show_default=True, type=chosen, help="The table to export.")
        )

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(given):
            function = option(function)
        return function

    return decorate


@export.command("csv")
@command
@_options(TABLES)
def csv(context: Context, **options: Any) -> None:
    """Export a table as CSV. The tables are transactions, usage by request, movements of lots, and the journal of postings.

    PATH is replaced as a whole or not at all. PATH.manifest.json records the number of rows, a control total, the positions, the
    SHA-256 and a checkpoint. If the command is interrupted, run it again to continue. --after POSITION continues a file that
    ends there. If PATH does not exist, only what follows POSITION is written. Amounts have nine decimals. Text that a
    spreadsheet could take for a formula, including after a semicolon, gets a leading apostrophe.

    \b
    Example:
      realrouter export csv --table journal --out journal.csv
      realrouter export csv --account acct_1 --from 2026-11-01 --to 2026-12-01 --out november.csv
    """
    _export(context, "csv", **options)


@export.command("parquet")
@command
@_options((*TABLES, FOCUS))
def parquet(context: Context, **options: Any) -> None:
    """Export a table as Parquet, with native decimals and timestamps. Needs pyarrow: pip install "realrouter[parquet]".

    A Parquet file cannot be continued: with --after, name a new file.

    \b
    Example:
      realrouter export parquet --table focus --out focus.parquet
    """
    _export(context, "parquet", **options)


@export.command("focus")
@command
@_options(())
def focus(context: Context, **options: Any) -> None:
    """Export FOCUS 1.2 as CSV. Purchased credit becomes a Purchase row; each cost line of a charge becomes a Usage row.

    The provider is the host of [server] public_url. It is recorded in the manifest, and --after refuses to continue a file made
    for another provider. Otherwise, --out and --after work as in `export csv`.

    \b
    Example:
      realrouter export focus --from 2026-11-01 --to 2026-12-01 --out november.csv
    """
    _export(context, "focus", **options)


@export.command("beancount")
@command
@_options(())
def beancount(context: Context, **options: Any) -> None:
    """Export the journal for beancount. `bean-check PATH` accepts it and confirms our balances to the nano.

    With --from, it starts with opening balances. --out and --after work as in `export csv`.

    \b
    Example:
      realrouter export beancount --out books.beancount
    """
    _export(context, "beancount", **options)


@export.command("hledger")
@command
@_options(())
def hledger(context: Context, **options: Any) -> None:
    """Export the journal for hledger. `hledger -f PATH check --strict` accepts it and confirms our balances to the nano.

    With --from, it starts with opening balances. --out and --after work as in `export csv`.

    \b
    Example:
      realrouter export hledger --out books.journal
    """
    _export(context, "hledger", **options)


class Options(NamedTuple):
    """The options that an export command was given."""

    out: Path
    account_id: str | None
    begins: str | None
    ends: str | None
    after: int | None
    table: str | None = None


def _export(context: Context, kind: str, **given: Any) -> None:
    options, settings = Options(**given), context.settings()
    provider, out = provider_of(settings), options.out
    spec = export_spec(
        kind,
        options.table,
        provider=provider,
        account_id=options.account_id,
        from_micros=instant(options.begins, "--from"),
        to_micros=instant(options.ends, "--to"),
    )
    with (
        context.ledger() as (ledger, codec),
        _read_models(context, spec, ledger, codec) as read_models,
        progress(f"exporting {spec.table or kind}") as on_progress,
    ):
        source = source_of(spec.account_id, ledger, codec, read_models)
        encoder = encoder_for(spec, provider=provider, name_of=_names(read_models))
        job = Job(source, encoder, spec, log=DecodedLog(ledger, codec=codec).identity())
        checkpoint_of = _checkpoints(settings, ledger)
        made = FileExport(ledger, job, out, on_progress=on_progress, checkpoint_of=checkpoint_of)
        manifest = made.write(after=options.after)
    context.print({"out": str(out), **msgspec.to_builtins(manifest)}, _line(out, manifest))


def instant(text: str | None, option: str) -> int | None:
    """Microseconds of an instant or a date. Raises UsageError."""
    if text is None:
        return None
    try:
        return parse_at(text)["micros"]
    except (ValueError, KeyError, OverflowError) as error:
        raise click.UsageError(f"{option} must be an instant such as 2026-11-23T12:00:00, or a date.") from error


@contextmanager
def _read_models(context: Context, spec: ExportSpec, ledger: Ledger, codec: Codec) -> Iterator[ReadModels | None]:
    """The read models, if they are needed: for one account's positions, and for names."""
    needed = spec.account_id is not None or spec.is_focus
    with caught_up_read_models(context, ledger, codec) if needed else nullcontext() as read_models:
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
    """A function that returns a signed checkpoint covering a position, or None if the log is not sealed that far."""

    def of(position: int) -> str | None:
        if settings.log is None:
            return None
        kept = Trees(ledger, settings.log.origin).covering(position)
        return None if kept is None else kept.note

    return of


def _line(out: Path, manifest: Manifest) -> list[str]:
    sealed = "" if manifest.checkpoint is None else ", covered by a signed checkpoint"
    return [
        f"Wrote {manifest.rows} rows, positions {manifest.first_position} to {manifest.last_position}, to {out}{sealed}.",
        f"{manifest.control_of}: {manifest.control_total} USD. SHA-256: {manifest.sha256}",
    ]
