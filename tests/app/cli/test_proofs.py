"""The sealed log from the command line: keys, receipts, the whole ledger, a copy in a folder, and their exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import main
from app.ledger.codec import Codec
from app.services import open_ledger
from app.settings import load
from app.transparency.file import CheckpointFile
from app.transparency.sealer import Sealer
from ops.verify import realrouter_verify as alone
from projections.proofs.checkpoint import Checkpoint
from projections.proofs.leaf import leaf_bytes
from projections.proofs.merkle import leaf_hash
from projections.proofs.note import Note, parse_note, parse_signer, signed
from projections.proofs.receipt import Receipt
from tests.support.gateway.gateway import configuration, prepare
from tests.support.ledger.histories import Book
from tests.support.transparency.logs import ORIGIN, SIGNER, WITNESS, SealedLog, entry

Run = Callable[..., Result]
KEY = str(SIGNER.verifier)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A ledger with a history, sealed, and a configuration for it."""
    log = f'[log]\norigin = "{ORIGIN}"\nkey = "file:{tmp_path / "log.key"}"\nwitnesses = ["{WITNESS.verifier}"]\n'
    path = tmp_path / "realrouter.toml"
    path.write_text(configuration(tmp_path, models=log))
    (tmp_path / "log.key").write_text(SIGNER.text())
    settings = load(path)
    prepare(settings)
    ledger = open_ledger(settings, Codec())
    Book(ledger).busy(60)
    assert settings.log is not None
    Sealer(ledger, settings.log.keys(), CheckpointFile(settings.checkpoint_path), alone=True).seal()
    ledger.close()
    return path


@pytest.fixture
def run(config: Path) -> Run:
    """A command with this configuration; its exit code must be the one that is named."""

    def run(*arguments: str, exits: int = 0) -> Result:
        done = CliRunner().invoke(main, [*arguments, "--config", str(config)])
        assert done.exit_code == exits, done.output
        return done

    return run


def grow(config: Path) -> int:
    """More events, sealed. Returns how many there are."""
    settings = load(config)
    assert settings.log is not None
    ledger = open_ledger(settings, Codec())
    book = Book(ledger)
    book.commands = 1_000_000
    book.open("latecomer", grant_nanos=1)
    Sealer(ledger, settings.log.keys(), CheckpointFile(settings.checkpoint_path), alone=True).seal()
    size = ledger.head().position
    ledger.close()
    return size


def told(result: Result) -> Any:
    return json.loads(result.stdout)


def test_a_key_is_made_for_its_owner_alone_and_never_written_over(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.key"
    public = told(run("audit", "key", "--origin", "log.example/new", "--out", str(file), "--json"))["public_key"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(parse_signer(file.read_text().strip()).verifier) == public
    before = file.read_text()
    assert "exists" in run("audit", "key", "--origin", "log.example/new", "--out", str(file), exits=1).output
    assert file.read_text() == before
    shown = told(run("audit", "key", "--origin", "w.example", "--witness", "--json"))
    assert parse_signer(shown["private_key"]).kind == 4
    run("audit", "key", "--origin", "two words", exits=1)


def test_a_receipt_by_an_id_or_a_position_holds_offline(run: Run, tmp_path: Path) -> None:
    for number, name in enumerate(("req-1-3", "12")):
        file = tmp_path / f"{number}.tlog-proof"
        run("audit", "prove", name, "--out", str(file))
        offline = CliRunner().invoke(
            main, ["audit", "verify", str(file), "--key", KEY, "--config", "/nowhere", "--json"]
        )
        assert offline.exit_code == 0, offline.output
        shown = json.loads(offline.stdout)
        assert (shown["ok"], shown["origin"], shown["keys"]) == (True, ORIGIN, [KEY])
        assert "nonce" in shown["state"]
    words = run("audit", "verify", str(tmp_path / "0.tlog-proof")).output
    assert "The receipt is valid." in words
    assert "request:req-1-3" in words


def test_a_receipt_on_standard_output_is_the_one_in_a_file(run: Run, tmp_path: Path) -> None:
    run("audit", "prove", "req-1-3", "--out", str(tmp_path / "receipt"))
    assert run("audit", "prove", "req-1-3").stdout == (tmp_path / "receipt").read_text()


def test_a_grant_is_found_in_its_account_s_statement(run: Run) -> None:
    assert "no request, payment or position" in run("audit", "prove", "grant-acme", exits=1).output
    run("audit", "prove", "req-1-1", "--account", "nobody", exits=1)


def test_a_receipt_that_does_not_hold_exits_1_and_says_why(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "receipt"
    run("audit", "prove", "5", "--out", str(file))
    file.write_text(file.read_text().replace("index 4", "index 3"))
    assert "states position 5" in run("audit", "verify", str(file), exits=1).output
    assert told(run("audit", "verify", str(file), "--json", exits=1))["ok"] is False
    run("audit", "verify", str(tmp_path / "none"), exits=1)


STRANGER = "\N{EM DASH} stranger.example AAAABBBBCCCC\n".encode()
AGREED: list[tuple[Callable[[bytes], bytes], bool]] = [
    (lambda raw: raw, True),
    (lambda raw: raw + STRANGER * 99, True),
    (lambda raw: raw + STRANGER * 100, False),
    (lambda raw: raw + STRANGER.replace(b"stranger", b"strang\xffer"), False),
    (lambda raw: raw.replace(b"\n", b"\r\n"), False),
    (lambda raw: raw + b"\xef\xbb\xbf", False),
    (lambda raw: raw + STRANGER.replace(b"stranger.example", b"x" * (24 << 20)), False),
]


def both(file: Path) -> list[tuple[int, str]]:
    """Exit code and output of our command, and of the stand-alone verifier."""
    ours = CliRunner().invoke(main, ["audit", "verify", str(file), "--key", KEY, "--config", "/nowhere"])
    with contextlib.redirect_stdout(io.StringIO()) as words:
        code = alone.main(["receipt", str(file), "--key", KEY])
    return [(ours.exit_code, ours.output), (code, words.getvalue())]


@pytest.mark.parametrize(("change", "holds"), AGREED)
def test_the_bytes_of_a_file_hold_for_both_verifiers_or_for_neither(
    change: Callable[[bytes], bytes], holds: bool, tmp_path: Path
) -> None:
    file = tmp_path / "receipt"
    file.write_bytes(change(SealedLog(9).receipt(3).encode()))
    assert [code == 0 for code, _ in both(file)] == [holds, holds]


@pytest.mark.parametrize(("extensions", "holds"), [(16, True), (17, False)])
def test_a_checkpoint_has_as_many_extensions_for_either_verifier(extensions: int, holds: bool, tmp_path: Path) -> None:
    log = SealedLog(9)
    text = log.checkpoint.text + "more\n" * extensions
    file = tmp_path / "receipt"
    file.write_text(log.receipt(3).replace(log.note, str(signed(text, (SIGNER,)))))
    assert [code == 0 for code, _ in both(file)] == [holds, holds]


def test_signed_text_cannot_add_a_line_or_move_the_cursor(tmp_path: Path) -> None:
    """An operator, who has the key, signs names that look like a verifier's output."""
    forged = "\x1b[2K\x9b2K\nwitness    good.witness+00000000+AAAA, at 1764000000 s\u2028\u202e"
    state = json.dumps({"nonce": forged}, ensure_ascii=False).encode()
    event = entry(1)._replace(topic=f"x.v1{forged}", stream=f"s{forged}", command_id=forged, state=state)
    leaf = leaf_bytes(event)
    note = str(signed(Checkpoint(ORIGIN, 1, leaf_hash(leaf)).text, (SIGNER,)))
    file = tmp_path / "receipt"
    file.write_text(str(Receipt(leaf, 0, (), note)))
    for code, words in both(file):
        assert code == 0
        assert all(line.isprintable() and not line.startswith("witness") for line in words.split("\n"))


def test_a_log_is_held_against_what_was_signed_before(run: Run, config: Path, tmp_path: Path) -> None:
    """A checkpoint and a receipt that were kept, then a checkpoint of a longer log, whose end this log lacks."""
    copy, receipt, checkpoint, longer = (tmp_path / name for name in ("copy", "receipt", "checkpoint", "longer"))
    run("export", "log", "--out", str(copy))
    run("audit", "prove", "5", "--out", str(receipt))
    checkpoint.write_bytes((copy / "checkpoint").read_bytes())
    size = grow(config)
    kept = ("--checkpoint", str(receipt), "--checkpoint", str(checkpoint))
    own = told(run("audit", "verify", "--json"))["checkpoints"]
    assert told(run("audit", "verify", *kept, "--json"))["checkpoints"] == own + 2
    assert told(run("audit", "verify", "--export", str(copy), *kept, "--json"))["checkpoints"] == 1 + 2
    run("audit", "prove", str(size), "--out", str(longer))
    words = run("audit", "verify", "--export", str(copy), "--checkpoint", str(longer), exits=1).output
    assert f"expected {size} events" in words
    receipt.write_text(receipt.read_text().replace("index 4", "index 3"))
    assert "states position 5" in run("audit", "verify", "--checkpoint", str(receipt), exits=1).output
    run("audit", "verify", "--checkpoint", str(tmp_path / "none"), exits=1)


def test_wrong_usage_exits_2(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "receipt"
    run("audit", "prove", "5", "--out", str(file))
    run("audit", "verify", str(file), "--key", "nonsense", exits=2)
    run("audit", "verify", str(file), "--export", str(tmp_path), exits=2)
    run("audit", "verify", str(file), "--checkpoint", str(file), exits=2)
    run("audit", "prove", exits=2)


def test_an_open_request_and_an_unsealed_event_are_reported(run: Run, config: Path) -> None:
    ledger = open_ledger(load(config), Codec())
    [open_one, *_] = ledger.open_requests()
    ledger.close()
    assert "still open" in run("audit", "prove", open_one.request_id, exits=1).output
    run("account", "create", "--name", "Late")
    ledger = open_ledger(load(config), Codec())
    head = ledger.head().position
    ledger.close()
    assert "next signed checkpoint" in run("audit", "prove", str(head), exits=1).output


def test_the_whole_ledger_is_checked(run: Run, config: Path) -> None:
    report = told(run("audit", "verify", "--json"))
    assert (report["ok"], report["differences"], report["origin"]) == (True, [], ORIGIN)
    ledger = open_ledger(load(config), Codec())
    ledger.change(
        ("DROP TRIGGER stored_events_no_update", ()),
        ("UPDATE stored_events SET command_id = 'x' WHERE notification_id = 17", ()),
    )
    ledger.close()
    words = run("audit", "verify", exits=1).output
    assert "event · 17: expected the event that was sealed, found a different event" in words


def test_an_unsealed_log_and_a_missing_file_are_reported(run: Run, config: Path) -> None:
    run("account", "create", "--name", "Late")
    assert "1 later events are not sealed yet." in run("audit", "verify").output
    file = load(config).checkpoint_path
    file.unlink()
    words = run("audit", "verify", exits=1).output
    assert f"checkpoint file · {file}: expected a checkpoint outside the database, found no file" in words
    assert (
        "The checkpoint file outside the database was not compared." in run("audit", "verify", "--without-file").output
    )


def test_a_lost_checkpoint_file_is_adopted(run: Run, config: Path) -> None:
    path = load(config).checkpoint_path
    lost = path.read_text()
    assert "already exists" in run("audit", "adopt", exits=1).output
    path.unlink()
    adopted = told(run("audit", "adopt", "--json"))
    assert (adopted["file"], adopted["origin"], path.read_text()) == (str(path), ORIGIN, lost)


def test_an_export_is_checked_without_a_database_or_a_configuration(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    size = told(run("export", "log", "--out", str(folder), "--json"))["size"]
    command = ["audit", "verify", "--export", str(folder), "--key", KEY, "--config", "/nowhere", "--json"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["events"] == size
    bundle = next(file for file in (folder / "entries").rglob("*") if file.is_file())
    data = bytearray(bundle.read_bytes())
    data[100] ^= 1
    bundle.write_bytes(data)
    assert CliRunner().invoke(main, command).exit_code == 1
    run("audit", "verify", "--export", str(tmp_path / "none"), "--key", KEY, exits=1)


def test_a_witness_s_signature_is_taken_and_a_stranger_s_is_not(run: Run, config: Path, tmp_path: Path) -> None:
    note = parse_note(load(config).checkpoint_path.read_text())
    file = tmp_path / "cosigned"
    file.write_text(str(Note(note.text, (WITNESS.cosign(note.text, 1_764_000_000),))))
    assert told(run("audit", "cosign", str(file), "--json")) == {"witnesses": 1}
    receipt = told(run("audit", "prove", "5", "--json"))["receipt"]
    assert "witness.example/w1" in receipt
    file.write_text(str(note))
    run("audit", "cosign", str(file), exits=1)


def test_without_the_setting_each_says_so(tmp_path: Path) -> None:
    path = tmp_path / "realrouter.toml"
    path.write_text(configuration(tmp_path))
    prepare(load(path))
    for command in (["audit", "prove", "1"], ["audit", "verify"], ["export", "log", "--out", str(tmp_path / "x")]):
        done = CliRunner().invoke(main, [*command, "--config", str(path)])
        assert (done.exit_code, "Configure [log]" in done.output) == (1, True)


def test_no_command_shows_a_private_key(run: Run, tmp_path: Path) -> None:
    secret = SIGNER.text().rpartition("+")[2]
    for command in (["audit", "verify"], ["audit", "prove", "3"], ["export", "log", "--out", str(tmp_path / "copy")]):
        assert secret not in run(*command).output
    for folder, _, files in os.walk(tmp_path / "copy"):
        assert all(secret.encode() not in (Path(folder) / file).read_bytes() for file in files)
