"""Checkpoints: their one spelling, who may sign one, and cosignatures that are added."""

from __future__ import annotations

import pytest

from projections.proofs.checkpoint import Checkpoint, check_checkpoint, merged, parse_checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.keys import LogKeys
from projections.proofs.note import Note, generate, parse_note, parse_verifier, signed
from tests.projections.proofs.test_note import COSIGNED
from tests.support.transparency.logs import ORIGIN, SIGNER, WITNESS

ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(32))


def test_the_published_checkpoint_is_read_and_written() -> None:
    text = parse_note(COSIGNED).text
    checkpoint = parse_checkpoint(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text == text


def test_extension_lines_are_kept() -> None:
    text = f"log\n0\n{ROOT}\none\ntwo\n"
    assert parse_checkpoint(text).extensions == ("one", "two")
    assert parse_checkpoint(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"log\n7\n{ROOT}",
        "log\n7\n",
        f"\n7\n{ROOT}\n",
        f"log\n07\n{ROOT}\n",
        f"log\n+7\n{ROOT}\n",
        f"log\n-7\n{ROOT}\n",
        f"log\n\u0667\n{ROOT}\n",
        f"log\n{2**63}\n{ROOT}\n",
        f"log\n7\n{ROOT[:-4]}\n",
        f"log\n7\n{ROOT.replace('2I=', '2J=')}\n",
        f"log\n7\n{ROOT}\n\nextension\n",
        f"log\n7\n{ROOT}\n" + "extension\n" * 20,
    ],
)
def test_another_spelling_is_no_checkpoint(text: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_checkpoint(text)


def test_a_log_is_signed_by_keys_with_its_name() -> None:
    stranger = generate("stranger.example")
    keys = [SIGNER.verifier, stranger.verifier, WITNESS.verifier]
    note = signed(CHECKPOINT.text, [SIGNER])
    checked = check_checkpoint(str(note), keys)
    assert (checked.checkpoint, checked.keys, checked.witnesses) == (CHECKPOINT, (SIGNER.verifier,), ())
    cosigned = Note(CHECKPOINT.text, (WITNESS.cosign(CHECKPOINT.text, 5),))
    for other in (signed(CHECKPOINT.text, [stranger]), cosigned):
        with pytest.raises(ProofInvalid, match="No known key of the log"):
            check_checkpoint(str(other), keys)


def test_old_and_new_keys_sign_side_by_side() -> None:
    new = generate(ORIGIN)
    note = str(signed(CHECKPOINT.text, [new, SIGNER]))
    for keys in ([new.verifier], [SIGNER.verifier], [new.verifier, SIGNER.verifier]):
        assert check_checkpoint(note, keys).keys == tuple(keys)


def test_a_leaked_key_proves_nothing_of_a_log_that_is_longer_than_its_bound() -> None:
    new, leaked = generate(ORIGIN), parse_verifier(f"{SIGNER.verifier}@{CHECKPOINT.size - 1}")
    keys = LogKeys(ORIGIN, (new,), (leaked,))
    with pytest.raises(ProofInvalid, match="No known key of the log"):
        keys.check(str(signed(CHECKPOINT.text, [SIGNER])))
    assert keys.check(str(signed(CHECKPOINT.text, [SIGNER, new]))).keys == (new.verifier,)
    before = Checkpoint(ORIGIN, CHECKPOINT.size - 1, bytes(32))
    assert keys.check(str(signed(before.text, [SIGNER]))).keys == (leaked,)


def test_cosignatures_are_added_once() -> None:
    note = signed(CHECKPOINT.text, [SIGNER])
    known = [SIGNER.verifier, WITNESS.verifier]
    cosigned = Note(CHECKPOINT.text, (*note.signatures, WITNESS.cosign(CHECKPOINT.text, 1_764_000_000)))
    together = merged(note, cosigned, known)
    assert check_checkpoint(str(together), known).witnesses == ((WITNESS.verifier, 1_764_000_000),)
    later = Note(CHECKPOINT.text, (WITNESS.cosign(CHECKPOINT.text, 1_764_000_001),))
    assert merged(together, later, known) == together


def test_strangers_signatures_are_not_added() -> None:
    note, stranger = signed(CHECKPOINT.text, [SIGNER]), generate("stranger.example")
    offered = signed(CHECKPOINT.text, [SIGNER, stranger])
    assert merged(note, offered, [SIGNER.verifier]) == note


def test_a_wrong_cosignature_or_one_of_another_checkpoint_is_refused() -> None:
    note = signed(CHECKPOINT.text, [SIGNER])
    other = Checkpoint(ORIGIN, 8, bytes(32)).text
    for offered in (
        Note(other, (WITNESS.cosign(other, 1),)),
        Note(CHECKPOINT.text, (WITNESS.cosign(other, 1),)),
    ):
        with pytest.raises(ProofInvalid):
            merged(note, offered, [WITNESS.verifier])
