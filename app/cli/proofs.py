"""realrouter audit key, prove, verify, restore, cosign; realrouter export log: the sealed log from the command line."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from app.cli.common import Context, command
from app.cli.progress import progress
from app.cli.read_models import caught_up_views
from app.faults import NotSealedYet, NotSettledYet
from app.ledger.codec import Codec
from app.ledger.store import Ledger, RecordedEvent
from app.transparency import subjects
from app.transparency.copies import Folder, Stored, export
from app.transparency.file import CheckpointFile, write_key
from app.transparency.receipts import Receipts
from app.transparency.restore import restore
from app.transparency.verify import Found, Report, verify
from projections.proofs.errors import ProofInvalid
from projections.proofs.note import COSIGNATURE, ED25519, Verifier, generate, parse_verifier
from projections.proofs.receipt import FIRST_LINE, RECEIPT_LENGTH_MAX, Proven, check_receipt, parse_receipt

_KEYS = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="VKEY",
    help="A public key to trust; repeatable. VKEY@SIZE: up to that size of its log.",
)


@click.command("key")
@command
@click.option("--origin", required=True, metavar="NAME", help="The log's name, such as HOST/log; or the witness's.")
@click.option("--witness", is_flag=True, help="A witness's key, which signs checkpoints of other logs.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="A new file; standard output by default.")
def key(context: Context, origin: str, witness: bool, out: Path | None) -> None:
    """Make a key that signs the log. It is shown once, or written into a file that only you can read.

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
@click.option("--account", "account_id", metavar="ACCOUNT", help="Whose: then any id of its statement finds it.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="A file; standard output by default.")
def prove(context: Context, event: str, account_id: str | None, out: Path | None) -> None:
    """A receipt of one event: of a request, a payment, a refund, a dispute, by their ids; or of a position of the log.

    It holds the event, its inclusion proof and a signed checkpoint, and is checked offline with `audit verify RECEIPT --key VKEY`.

    \b
    Example:
      realrouter audit prove req_1 --out req_1.tlog-proof
    """
    log = context.log()
    with context.ledger() as (ledger, codec):
        try:
            found = _found(context, ledger, codec, event, account_id)
            if found is None:
                raise click.ClickException(f"There is no request, payment or position {event[:100]} here.")
            text = Receipts(ledger, log.keys()).of(found)
        except (NotSealedYet, NotSettledYet) as error:
            raise click.ClickException(str(error)) from error
    if out is not None:
        out.write_text(text, encoding="utf-8")
    told = text.rstrip("\n") if out is None else f"Written to {out}: {found.topic} at position {found.id}."
    context.print({"position": found.id, "topic": found.topic, "receipt": text}, told)


@click.command("verify")
@command
@click.argument("receipt", required=False, type=click.Path(path_type=Path))
@_KEYS
@click.option("--export", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Check an exported copy.")
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A checkpoint or receipt that you have kept: the log must begin with it.",
)
@click.option("--without-file", is_flag=True, help="Do not ask for the checkpoint file outside the database.")
@click.option("--differences", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Show so many.")
def verify_(
    context: Context,
    receipt: Path | None,
    keys: tuple[str, ...],
    folder: Path | None,
    kept: tuple[Path, ...],
    without_file: bool,
    differences: int,
) -> None:
    """Check a receipt, an exported copy, or the whole ledger: every hash, tile, signature and root. Changes nothing.

    \b
    RECEIPT and --export need no database, and no configuration where --key is given. Without either, the ledger of the
    configuration is checked, with its checkpoints and the one in the file outside it; safe beside running gateways. Events
    that nothing has sealed for ten minutes do not hold, nor does a ledger whose file is not there.
    --checkpoint holds a copy or ledger against what was signed before: a checkpoint, or a receipt, whose event must be in it.
    Exits 1 when anything does not hold, and says where.

    \b
    Example:
      realrouter audit verify --export copy --key VKEY --checkpoint last-month.checkpoint --checkpoint req_1.tlog-proof
    """
    if receipt is not None and (folder is not None or kept):
        raise click.UsageError("RECEIPT is checked by itself: to look for it in a log, name it with --checkpoint.")
    trusted = _trusted(context, keys)
    if receipt is not None:
        _check_receipt(context, receipt, trusted)
        return
    earlier = [_kept(file, trusted) for file in kept]
    if folder is not None:
        with progress("hashing events") as told:
            report = verify(Folder(folder), trusted, told, earlier=earlier, differences_max=differences)
    else:
        log, file = context.log(), None if without_file else CheckpointFile(context.settings().checkpoint_path)
        with context.ledger() as (ledger, _codec), progress("hashing events") as told:
            stored = Stored(ledger, log.origin, file)
            report = verify(stored, trusted, told, earlier=earlier, differences_max=differences)
    _tell(context, report, *(("No checkpoint outside the database was compared.",) if without_file else ()))


@click.command("restore")
@command
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@_KEYS
@click.option("--differences", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Show so many.")
def restore_(context: Context, folder: Path, keys: tuple[str, ...], differences: int) -> None:
    """Make a ledger of an exported copy, so that it can be audited without the database that it came from.

    The configured store must be a new SQLite file. The copy is checked on the way, as `audit verify --export` does: where anything
    does not hold, no ledger is made, and it exits 1. Afterwards `audit replay`, `audit balance`, `books`, `export` and
    `providers reconcile` run on it. It is not for serving: people, sessions and webhooks are in no copy.

    \b
    Example, with this alone in realrouter.toml: [store] url = "sqlite:///./audit.db"
      realrouter audit restore copy --key VKEY
      realrouter audit replay
    """
    path = context.settings().store.sqlite_path
    if path is None:
        raise click.ClickException(
            'A copy is restored into SQLite: set store.url to a new file, "sqlite:///./audit.db".'
        )
    with progress("restoring events") as told:
        report = restore(folder, _trusted(context, keys), path, told, differences_max=differences)
    _tell(context, report, f"They are a ledger in {path}." if report.ok else "No ledger was made.")


@click.command("cosign")
@command
@click.argument("file", type=click.Path(path_type=Path))
def cosign(context: Context, file: Path) -> None:
    """Take a witness's signature of a checkpoint: FILE is a checkpoint of this log with it. Receipts then carry it.

    Witnesses are those of `log.witnesses`. The checkpoint may be of any size that the log has had.

    \b
    Example:
      realrouter audit cosign checkpoint.cosigned
    """
    log = context.log()
    with context.ledger() as (ledger, _codec):
        witnesses = Receipts(ledger, log.keys()).cosign(_text(file))
    context.print({"witnesses": witnesses}, f"The checkpoint has the signatures of {witnesses} witnesses.")


@click.command("log")
@command
@click.option("--out", "folder", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A folder.")
def log_(context: Context, folder: Path) -> None:
    """Write the sealed log into a folder: events, hash tiles, checkpoint. An earlier export there is taken further.

    Whoever has the folder and the public key checks it with `audit verify --export DIR --key VKEY`, or with
    ops/verify/realrouter_verify.py, which needs no Realrouter. It holds every account's events: it is not for the public.

    \b
    Example:
      realrouter export log --out copy
    """
    log = context.log()
    with context.ledger() as (ledger, _codec), progress("writing events") as told:
        checkpoint = export(Stored(ledger, log.origin), log.keys(), folder, told)
    result = {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}
    context.print(result, f"{checkpoint.size} events of {checkpoint.origin} are in {folder}.")


AUDIT = (key, prove, verify_, restore_, cosign)
EXPORT = (log_,)


def _trusted(context: Context, keys: tuple[str, ...]) -> tuple[Verifier, ...]:
    """The keys that were given; else those of the configuration."""
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
        with caught_up_views(context, ledger, codec) as views:
            found = subjects.by_statement(ledger, views, name, account_id)
    return found


def _text(file: Path) -> str:
    """Raises ProofInvalid where it is too long for anything that is signed, or no text."""
    with file.open("rb") as opened:
        data = opened.read(RECEIPT_LENGTH_MAX + 1)
    if len(data) > RECEIPT_LENGTH_MAX:
        raise ProofInvalid(f"It has more than {RECEIPT_LENGTH_MAX} bytes.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ProofInvalid("It is not UTF-8.") from error


def _kept(file: Path, keys: tuple[Verifier, ...]) -> Found:
    """The checkpoint in a file, or of a receipt that holds: a log that begins with it has the event. Raises ProofInvalid."""
    text = _text(file)
    if text.startswith(FIRST_LINE):
        check_receipt(text, keys)
        text = parse_receipt(text).note
    return Found(f"in {file}", text)


def _check_receipt(context: Context, file: Path, keys: tuple[Verifier, ...]) -> None:
    try:
        proven = check_receipt(_text(file), keys)
    except ProofInvalid as error:
        context.print({"ok": False, "problem": str(error)}, f"It does not hold: {error}")
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
    """Quoted where it has what moves a cursor or begins a line: an operator may sign anything."""
    return text if text.isprintable() else ascii(text)


def _receipt_lines(proven: Proven) -> list[str]:
    entry, signed = proven.entry, proven.signed
    state = msgspec.json.format(entry.state, indent=2).decode() if _is_json(entry.state) else repr(entry.state)
    state = "\n".join(line if line.isprintable() else ascii(line) for line in state.split("\n"))
    return [
        "It holds.",
        f"event      {_plain(entry.topic)}, version {entry.version} of {_plain(entry.stream)}",
        f"position   {entry.position}",
        f"state      {state}",
        f"checkpoint {signed.checkpoint.origin}, size {signed.checkpoint.size}",
        *(f"signed by  {key}" for key in signed.keys),
        *(f"witness    {key}, at {seconds} s" for key, seconds in signed.witnesses),
    ]


def _tell(context: Context, report: Report, *more: str) -> None:
    hashed = (
        f"{report.events} events and {report.tiles} tiles were hashed, up to the checkpoint of {report.size} events of"
    )
    lines = [f"{hashed} {report.origin or 'no log'}; {report.checkpoints} checkpoints hold."]
    if report.unsealed:
        lines.append(f"{report.unsealed} events behind it are not sealed yet.")
    if report.ok:
        lines.append(f"All of it leads to the signed root {report.root}.")
    else:
        lines.append(f"{report.differences_count} differences; the first {len(report.differences)}:")
        lines += [
            f"  {each.what} · {each.where}: expected {each.expected}, found {each.found}" for each in report.differences
        ]
    context.print({"ok": report.ok, **msgspec.to_builtins(report)}, [*lines, *more])
    if not report.ok:
        raise SystemExit(1)
