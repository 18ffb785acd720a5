"""Receipts: their proofs, and that the stand-alone verifier always agrees with ours."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.verify import realrouter_verify as alone
from projections.proofs.errors import ProofInvalid
from projections.proofs.note import Note, generate, parse_note, parse_verifier
from projections.proofs.receipt import check_receipt, parse_receipt
from tests.support.transparency.logs import SIGNER, WITNESS, SealedLog, entry

SIZE, RECEIPTS = 777, 1_000
KEY = str(SIGNER.verifier)
STRANGER = "— stranger.example AAAABBBBCCCC\n".encode()


@pytest.fixture(scope="module")
def log() -> SealedLog:
    return SealedLog(SIZE)


def test_every_event_has_a_receipt_that_holds(log: SealedLog) -> None:
    for position in (1, 2, 255, 256, 257, 511, 768, SIZE):
        proven = check_receipt(log.receipt(position), [SIGNER.verifier])
        assert proven.entry == entry(position)
        assert proven.signed.checkpoint == log.checkpoint
        assert proven.signed.keys == (SIGNER.verifier,)


def test_a_receipt_has_the_lines_of_tlog_proof(log: SealedLog) -> None:
    receipt = log.receipt(5)
    first, extra, index, *rest = receipt.split("\n")
    assert (first, extra.split(" ")[0], index) == ("c2sp.org/tlog-proof@v1", "extra", "index 4")
    assert rest[10] == ""
    assert "\n".join(rest[11:]) == log.note
    assert str(parse_receipt(receipt)) == receipt


def test_the_only_event_of_a_log_needs_no_proof() -> None:
    receipt = SealedLog(1).receipt(1)
    assert parse_receipt(receipt).proof == ()
    assert check_receipt(receipt, [SIGNER.verifier]).entry.position == 1


@given(st.data())
def test_a_flipped_bit_is_refused_by_both(log: SealedLog, data: st.DataObject) -> None:
    raw = bytearray(log.receipt(data.draw(st.integers(1, SIZE))).encode())
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert verdicts(bytes(raw)) == (False, False)


@pytest.mark.parametrize(("bound", "holds"), [(SIZE - 1, False), (SIZE, True), (2**63 - 1, True)])
def test_a_key_with_a_size_speaks_for_no_longer_log_with_both(log: SealedLog, bound: int, holds: bool) -> None:
    raw, key = log.receipt(3).encode(), f"{KEY}@{bound}"
    assert str(parse_verifier(key)) == key
    assert (_holds(raw, key), _holds_alone(raw, key)) == (holds, holds)


@pytest.mark.parametrize("bound", ["@", "@-1", "@01", "@x", "@5@6", "@5\n", "@\u0661"])
def test_another_spelling_of_a_size_is_no_key_for_either(bound: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_verifier(KEY + bound)
    with pytest.raises(ValueError, match=r"name\+id\+key|base64"):
        alone.Key(KEY + bound)


def test_another_key_s_receipt_is_refused_by_both(log: SealedLog) -> None:
    other = SealedLog(9, [generate(SIGNER.name)])
    assert verdicts(other.receipt(3).encode()) == (False, False)


def test_the_verifiers_agree_on_a_thousand_receipts_good_and_bad(log: SealedLog) -> None:
    chance = random.Random(20_261_126)
    seen = {True: 0, False: 0}
    for _ in range(RECEIPTS):
        raw = _mutated(log.receipt(chance.randint(1, SIZE)).encode(), chance)
        ours, theirs = verdicts(raw)
        assert ours == theirs, raw
        seen[ours] += 1
    assert min(seen.values()) > RECEIPTS // 10
    print(f"{RECEIPTS} receipts: {seen[True]} hold, {seen[False]} do not; both verifiers agree on each")


def _mutated(raw: bytes, chance: random.Random) -> bytes:
    """The receipt, or a changed one: a byte, a line, or a signature line of an unknown key."""
    lines = raw.split(b"\n")
    at = chance.randrange(len(lines))
    match chance.randrange(10):
        case 0:
            return raw[: (cut := chance.randrange(len(raw)))] + bytes([chance.randrange(256)]) + raw[cut + 1 :]
        case 1:
            return b"\n".join([*lines[:at], *lines[at + 1 :]])
        case 2:
            return b"\n".join([*lines[:at], lines[at], *lines[at:]])
        case 3:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
            return b"\n".join(lines)
        case 4:
            return raw[: chance.randrange(len(raw))]
        case 5:
            return raw + STRANGER * chance.choice((1, 99, 100, 101))
        case 6:
            return raw[:-1] + b"\n" + STRANGER[:-2] + bytes([chance.randrange(128, 256)]) + b"\n"
        case _:
            return raw


def verdicts(raw: bytes) -> tuple[bool, bool]:
    """Whether our verifier, and whether the stand-alone one, accepts it."""
    return _holds(raw), _holds_alone(raw)


def _holds(raw: bytes, key: str = KEY) -> bool:
    try:
        check_receipt(raw.decode(), [parse_verifier(key)])
    except (ProofInvalid, UnicodeDecodeError):
        return False
    return True


def _holds_alone(raw: bytes, key: str = KEY) -> bool:
    try:
        alone.Receipt(raw.decode(), [alone.Key(key)])
    except (alone.Wrong, UnicodeDecodeError):
        return False
    return True


def test_the_file_alone_says_what_the_event_is(log: SealedLog, tmp_path: Path) -> None:
    file = tmp_path / "7.tlog-proof"
    file.write_text(log.receipt(7))
    done = _run("receipt", str(file), "--key", KEY)
    assert done.returncode == 0
    for told in ("It holds.", "request.debited.v1", "position   7,", '"cost_nanos": 49', f"size {SIZE}", KEY):
        assert told in done.stdout


def test_the_stand_alone_verifier_requires_a_witness_on_request(log: SealedLog, tmp_path: Path) -> None:
    note = parse_note(log.note)
    cosigned = Note(note.text, (*note.signatures, WITNESS.cosign(note.text, 1_764_000_000)))
    plain, witnessed = tmp_path / "plain", tmp_path / "witnessed"
    plain.write_text(log.receipt(7))
    witnessed.write_text(log.receipt(7).replace(log.note, str(cosigned)))
    wanted = ("--key", KEY, "--witness", str(WITNESS.verifier))
    assert _run("receipt", str(witnessed), *wanted).returncode == 0
    refused = _run("receipt", str(plain), *wanted)
    assert (refused.returncode, "witness.example/w1 has not signed" in refused.stdout) == (1, True)


def test_the_file_alone_exits_1_for_what_does_not_hold_and_2_for_wrong_usage(log: SealedLog, tmp_path: Path) -> None:
    file = tmp_path / "bad"
    file.write_text(log.receipt(7).replace("index 6", "index 5"))
    refused = _run("receipt", str(file), "--key", KEY)
    assert (refused.returncode, refused.stdout.startswith("IT DOES NOT HOLD: ")) == (1, True)
    assert _run("receipt", str(tmp_path / "none"), "--key", KEY).returncode == 2
    assert _run("receipt", str(file), "--key", "nonsense").returncode == 2
    assert _run("receipt", str(file)).returncode == 2


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert alone.__file__ is not None
    command = [sys.executable, "-I", alone.__file__, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
