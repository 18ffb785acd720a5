"""realrouter audit key, prove, verify, restore, cosign; realrouter export log: commands on the sealed log."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from app.cli.common import Context, command
from app.cli.progress import progress
from app.cli.read_models import caught_up_read_models
from app.faults import NotSealedYet, NotSettledYet
from app.ledger.codec import Codec
from app.ledger.store import Ledger, RecordedEvent
from app.transparency import subjects
from app.transparency.copies import DatabaseCopy, FolderCopy, export
from app.transparency.file import CheckpointFile, write_key
from app.transparency.receipts import Receipts
from app.transparency.restore import restore
from app.transparency.verify import FoundCheckpoint, Report, verify
from projections.proofs.errors import ProofInvalid
from projections.proofs.note import COSIGNATURE, ED25519, Verifier, generate, parse_verifier
from projections.proofs.receipt import FIRST_LINE, RECEIPT_LENGTH_MAX, Proven, check_receipt, parse_receipt

_KEYS = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="VKEY",
    help="A public key to trust; repeatable. VKEY@SIZE: trust it only on logs of up to SIZE events.",
)


@click.command("key")
@command
@click.option(
    "--origin", required=True, metavar="NAME", help="The name of the log, such as HOST/log, or the name of the witness."
)
@click.option("--witness", is_flag=True, help="Create a witness's key, which signs checkpoints of other logs.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="The new file to write; standard output by default."
)
def key(context: Context, origin: str, witness: bool, out: Path | None) -> None:
    """Create a key that signs the log. It is printed once, or written to a file that only you can read.

    \b
    Example:
      realrouter audit key --origin router.example/log --out log.key
      then, in realrouter.toml: [log] origin = "router.example/log", key = "file:log.key"
    """
    signer = generate(origin, COSIGNATURE if witness else ED25519)
    result = {"public_key": str(signer.verifier)}
    if out is None:
        context.print(result | {"private_key": signer.text()}, [signer.text(), f"public: {signer.verifier}"])
    else:
        write_key(signer, out)
        context.print(result | {"file": str(out)}, f"Written to {out}. public: {signer.verifier}")


@click.command("prove")
@command
@click.argument("event", metavar="ID")
@click.option(
    "--account",
    "account_id",
    metavar="ACCOUNT",
    help="The account that the event belongs to. With it, ID may be any ID on the account's statement.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="The file to write; standard output by default."
)
def prove(context: Context, event: str, account_id: str | None, out: Path | None) -> None:
    """Print the receipt of an event. ID names a request, payment, refund or dispute, or is a position in the log.

    The receipt contains the event, its inclusion proof and a signed checkpoint. Verify it offline with
    `audit verify RECEIPT --key VKEY`.

    \b
    Example:
      realrouter audit prove req_1 --out req_1.tlog-proof
    """
    log = context.log()
    with context.ledger() as (ledger, codec):
        try:
            found = _found(context, ledger, codec, event, account_id)
            if found is None:
                raise click.ClickException(f"There is no request, payment or position {event[:100]}.")
            text = Receipts(ledger, log.keys()).of(found)
        except (NotSealedYet, NotSettledYet) as error:
            raise click.ClickException(str(error)) from error
    if out is not None:
        out.write_text(text, encoding="utf-8")
    shown = text.rstrip("\n") if out is None else f"Written to {out}: {found.topic} at position {found.id}."
    context.print({"position": found.id, "topic": found.topic, "receipt": text}, shown)


@click.command("verify")
@command
@click.argument("receipt", required=False, type=click.Path(path_type=Path))
@_KEYS
@click.option(
    "--export", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Verify an exported copy in this folder."
)
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A checkpoint or receipt that you kept; the log must still match it. Repeatable.",
)
@click.option(
    "--without-file", is_flag=True, help="Verify without the checkpoint file, which is kept outside the database."
)
@click.option(
    "--differences",
    default=20,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="The maximum number of differences to show.",
)
def verify_(
    context: Context,
    receipt: Path | None,
    keys: tuple[str, ...],
    folder: Path | None,
    kept: tuple[Path, ...],
    without_file: bool,
    differences: int,
) -> None:
    """Verify a receipt, an exported copy, or the whole ledger. Checks every hash, tile, signature and root. Changes nothing.

    Verifying a RECEIPT or an --export needs no database, and no configuration either if --key is given. Without RECEIPT and
    --export, the configured ledger is verified, together with its checkpoints and the checkpoint file kept outside the database;
    this is safe while gateways are running. Verification also fails if an event has been unsealed for ten minutes, or if the
    checkpoint file is missing.

    --checkpoint checks a copy or ledger against a checkpoint or receipt signed earlier. The log must contain the receipt's
    event. Exits 1 if verification fails, and says where.

    \b
    Example:
      realrouter audit verify --export copy --key VKEY --checkpoint last-month.checkpoint --checkpoint req_1.tlog-proof
    """
    if receipt is not None and (folder is not None or kept):
        raise click.UsageError("RECEIPT is verified alone. To look for it in a log, pass it with --checkpoint.")
    trusted = _trusted(context, keys)
    if receipt is not None:
        _check_receipt(context, receipt, trusted)
        return
    earlier = [_kept(file, trusted) for file in kept]
    if folder is not None:
        with progress("hashing events") as on_progress:
            report = verify(FolderCopy(folder), trusted, on_progress, earlier=earlier, differences_max=differences)
    else:
        log, file = context.log(), None if without_file else CheckpointFile(context.settings().checkpoint_path)
        with context.ledger() as (ledger, _codec), progress("hashing events") as on_progress:
            stored = DatabaseCopy(ledger, log.origin, file)
            report = verify(stored, trusted, on_progress, earlier=earlier, differences_max=differences)
    _tell(context, report, *(("The checkpoint file outside the database was not compared.",) if without_file else ()))


@click.command("restore")
@command
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@_KEYS
@click.option(
    "--differences",
    default=20,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="The maximum number of differences to show.",
)
def restore_(context: Context, folder: Path, keys: tuple[str, ...], differences: int) -> None:
    """Create a ledger from an exported copy. It can then be audited without the original database.

    The configured store must be a new SQLite file. The copy is verified as `audit verify --export` does. If that fails, no ledger
    is created and the command exits 1. Afterwards, use `audit replay`, `audit balance`, `books`, `export` and `providers reconcile`
    on it. It cannot be served: copies contain no people, sessions or webhooks.

    \b
    Example, with only this in realrouter.toml: [store] url = "sqlite:///./audit.db"
      realrouter audit restore copy --key VKEY
      realrouter audit replay
    """
    path = context.settings().store.sqlite_path
    if path is None:
        raise click.ClickException(
            'A copy can only be restored into SQLite: set store.url to a new file, such as "sqlite:///./audit.db".'
        )
    with progress("restoring events") as on_progress:
        report = restore(folder, _trusted(context, keys), path, on_progress, differences_max=differences)
    _tell(context, report, f"Created the ledger {path}." if report.ok else "No ledger was created.")


@click.command("cosign")
@command
@click.argument("file", type=click.Path(path_type=Path))
def cosign(context: Context, file: Path) -> None:
    """Add a witness's signature to a checkpoint. Receipts then include it.

    FILE is a checkpoint of this log that carries the witness's signature. It need not be the newest: any earlier size of the log
    is accepted. The witness must be listed in `log.witnesses`.

    \b
    Example:
      realrouter audit cosign checkpoint.cosigned
    """
    log = context.log()
    with context.ledger() as (ledger, _codec):
        witnesses = Receipts(ledger, log.keys()).cosign(_text(file))
    context.print({"witnesses": witnesses}, f"The checkpoint is now signed by {witnesses} witnesses.")


@click.command("log")
@command
@click.option(
    "--out", "folder", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The folder to write to."
)
def log_(context: Context, folder: Path) -> None:
    """Export the sealed log to a folder. Writes events, hash tiles and a checkpoint, and continues an earlier export there.

    Anyone with the folder and the public key can verify it with `audit verify --export DIR --key VKEY`, or with
    ops/verify/realrouter_verify.py, which works without Realrouter. It contains every account's events, so do not publish it.

    \b
    Example:
      realrouter export log --out copy
    """
    log = context.log()
    with context.ledger() as (ledger, _codec), progress("writing events") as on_progress:
        checkpoint = export(DatabaseCopy(ledger, log.origin), log.keys(), folder, on_progress)
    result = {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}
    context.print(result, f"{folder} contains {checkpoint.size} events of {checkpoint.origin}.")


AUDIT = (key, prove, verify_, restore_, cosign)
EXPORT = (log_,)


def _trusted(context: Context, keys: tuple[str, ...]) -> tuple[Verifier, ...]:
    """The given keys, or the configured ones if none are given."""
    if not keys:
        return context.log().keys().known
    try:
        return tuple(parse_verifier(key) for key in keys)
    except ProofInvalid as error:
        raise click.UsageError(f"--key: {error}") from error


def _found(context: Context, ledger: Ledger, codec: Codec, name: str, account_id: str | None) -> RecordedEvent | None:
    if name.isascii() and name.isdigit() and len(name) < 19:
        return subjects.at_position(ledger, int(name))
    found = subjects.by_id(ledger, codec, name, account_id)
    if found is None and account_id is not None:
        with caught_up_read_models(context, ledger, codec) as read_models:
            found = subjects.by_statement(ledger, read_models, name, account_id)
    return found


def _text(file: Path) -> str:
    """A file's text. Raises ProofInvalid if it is longer than any receipt, or not UTF-8."""
    with file.open("rb") as opened:
        data = opened.read(RECEIPT_LENGTH_MAX + 1)
    if len(data) > RECEIPT_LENGTH_MAX:
        raise ProofInvalid(f"The file is larger than {RECEIPT_LENGTH_MAX} bytes.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ProofInvalid("The file is not UTF-8.") from error


def _kept(file: Path, keys: tuple[Verifier, ...]) -> FoundCheckpoint:
    """The checkpoint in a file or in a valid receipt. A log that continues it contains the receipt's event. Raises ProofInvalid."""
    text = _text(file)
    if text.startswith(FIRST_LINE):
        check_receipt(text, keys)
        text = parse_receipt(text).note
    return FoundCheckpoint(f"in {file}", text)


def _check_receipt(context: Context, file: Path, keys: tuple[Verifier, ...]) -> None:
    try:
        proven = check_receipt(_text(file), keys)
    except ProofInvalid as error:
        context.print({"ok": False, "problem": str(error)}, f"The receipt is not valid: {error}")
        raise SystemExit(1) from error
    context.print({"ok": True, **_shown(proven)}, _receipt_lines(proven))


def _shown(proven: Proven) -> dict[str, object]:
    entry, signed = proven.entry, proven.signed
    return {
        "position": entry.position,
        "topic": entry.topic,
        "stream": entry.stream,
        "stream_version": entry.version,
        "recorded_at_micros": str(entry.recorded_at_micros),
        "state": msgspec.Raw(entry.state) if _is_json(entry.state) else entry.state.decode(errors="replace"),
        "origin": signed.checkpoint.origin,
        "size": signed.checkpoint.size,
        "keys": [str(key) for key in signed.keys],
        "witnesses": [str(key) for key, _ in signed.witnesses],
    }


def _is_json(state: bytes) -> bool:
    try:
        msgspec.json.decode(state)
    except msgspec.DecodeError:
        return False
    return True


def _plain(text: str) -> str:
    """`text`, quoted if it contains control characters: an operator may sign anything."""
    return text if text.isprintable() else ascii(text)


def _receipt_lines(proven: Proven) -> list[str]:
    entry, signed = proven.entry, proven.signed
    state = msgspec.json.format(entry.state, indent=2).decode() if _is_json(entry.state) else repr(entry.state)
    state = "\n".join(line if line.isprintable() else ascii(line) for line in state.split("\n"))
    return [
        "The receipt is valid.",
        f"event      {_plain(entry.topic)}, version {entry.version} of {_plain(entry.stream)}",
        f"position   {entry.position}",
        f"state      {state}",
        f"checkpoint {signed.checkpoint.origin}, size {signed.checkpoint.size}",
        *(f"signed by  {key}" for key in signed.keys),
        *(f"witness    {key}, at {seconds} s" for key, seconds in signed.witnesses),
    ]


def _tell(context: Context, report: Report, *more: str) -> None:
    hashed = f"Hashed {report.events} events and {report.tiles} tiles, up to the checkpoint at {report.size} events of"
    lines = [f"{hashed} {report.origin or 'no log'}; {report.checkpoints} checkpoints are valid."]
    if report.unsealed:
        lines.append(f"{report.unsealed} later events are not sealed yet.")
    if report.ok:
        lines.append(f"They match the signed root {report.root}.")
    else:
        lines.append(f"{report.differences_count} differences; the first {len(report.differences)}:")
        lines += [
            f"  {each.what} · {each.where}: expected {each.expected}, found {each.found}" for each in report.differences
        ]
    context.print({"ok": report.ok, **msgspec.to_builtins(report)}, [*lines, *more])
    if not report.ok:
        raise SystemExit(1)
