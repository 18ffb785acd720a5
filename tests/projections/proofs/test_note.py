"""Signed notes: the published example, the one spelling, and whose signatures count."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.proofs.errors import ProofInvalid
from projections.proofs.note import (
    COSIGNATURE,
    SIGNATURES_MAX,
    Note,
    Signature,
    Verifier,
    check_note,
    decode_base64,
    generate,
    parse_note,
    parse_signer,
    parse_verifier,
    signed,
)
from tests.support.transparency.logs import SIGNER, WITNESS

PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
"""The example of the Go project's sumdb/note, whose format C2SP has taken over."""
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
COSIGNED = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""
"""The example of C2SP tlog-cosignature."""
SALVATORE = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""
"""The example of C2SP signed-note."""


def test_the_published_key_signs_the_published_note() -> None:
    signer = parse_signer(PRIVATE)
    assert str(signer.verifier) == PUBLIC
    assert signer.text() == PRIVATE
    note = signed(TEXT, [signer])
    assert str(note) == TEXT + "\n" + LINE
    assert check_note(parse_note(str(note)), [parse_verifier(PUBLIC)]) == [(signer.verifier, None)]


@pytest.mark.parametrize("example", [COSIGNED, SALVATORE])
def test_the_published_notes_are_read_and_written(example: str) -> None:
    assert str(parse_note(example)) == example


def test_the_published_cosignature_has_its_parts() -> None:
    note = parse_note(COSIGNED)
    log, witness = note.signatures
    assert (log.name, log.key_id.hex(), len(log.value)) == ("example.com/behind-the-sofa", "033de0ae", 64)
    assert (witness.name, witness.key_id.hex()) == ("witness.example.com/w1", "8d66cf3f")
    assert int.from_bytes(witness.value[:8]) == 1_679_315_147
    assert len(witness.value) == 8 + 64


def test_a_text_may_hold_empty_lines() -> None:
    assert parse_note(SALVATORE).text.endswith("sole:\n\ned è subito sera.\n")


def test_a_witness_signs_the_text_with_the_instant() -> None:
    signature = WITNESS.cosign("a\n1\nb\n", 1_764_000_000)
    message = b"cosignature/v1\ntime 1764000000\na\n1\nb\n"
    WITNESS.key.public_key().verify(signature.value[8:], message)
    note = Note("a\n1\nb\n", (signature,))
    assert check_note(note, [WITNESS.verifier]) == [(WITNESS.verifier, 1_764_000_000)]


def test_a_later_instant_than_was_signed_is_refused() -> None:
    signature = WITNESS.cosign("text\n", 1_764_000_000)
    forged = signature._replace(value=(1_764_000_001).to_bytes(8) + signature.value[8:])
    with pytest.raises(ProofInvalid, match="is not valid"):
        check_note(Note("text\n", (forged,)), [WITNESS.verifier])


def test_signatures_of_unknown_keys_are_kept_and_mean_nothing() -> None:
    stranger, namesake = generate("stranger.example"), generate(SIGNER.name)
    note = parse_note(str(signed("text\n", [stranger, SIGNER, namesake])))
    assert [signature.name for signature in note.signatures] == ["stranger.example", SIGNER.name, SIGNER.name]
    assert check_note(note, [SIGNER.verifier]) == [(SIGNER.verifier, None)]
    with pytest.raises(ProofInvalid, match="No known key"):
        check_note(signed("text\n", [stranger, namesake]), [SIGNER.verifier])


def test_a_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    other = generate("other.example")
    right, wrong = signed("text\n", [other]).signatures[0], signed("another\n", [SIGNER]).signatures[0]
    with pytest.raises(ProofInvalid, match="is not valid"):
        check_note(Note("text\n", (right, wrong)), [other.verifier, SIGNER.verifier])


def test_a_key_of_one_kind_is_not_one_of_the_other() -> None:
    note = signed("text\n", [SIGNER])
    as_witness = Verifier(SIGNER.name, SIGNER.verifier.public, COSIGNATURE)
    assert as_witness.key_id != SIGNER.verifier.key_id
    with pytest.raises(ProofInvalid, match="No known key"):
        check_note(note, [as_witness])


@given(st.data())
def test_a_flipped_bit_of_a_note_is_refused(data: st.DataObject) -> None:
    raw = str(signed(TEXT, [SIGNER])).encode()
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises((ProofInvalid, UnicodeDecodeError)):
        check_note(parse_note(changed.decode()), [SIGNER.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "text\n",
        "text\n\n",
        "text\n\n\n",
        f"text\n{LINE}",
        f"text\n\n{LINE[:-1]}",
        f"text\n\n{LINE}\n",
        f"text\n\n{LINE}x\n",
        f"text\r\n\r\n{LINE}",
        f"te\x00xt\n\n{LINE}",
        "text\n\n- PeterNeumann x08go/ZJ\n",
        "text\n\n— PeterNeumann\n",
        "text\n\n— PeterNeumann x08goA==\n",
        "text\n\n— Peter Neumann x08go/ZJ\n",
        "text\n\n— Peter+Neumann x08go/ZJ\n",
        "text\n\n—  x08go/ZJ\n",
        "text\n\n— PeterNeumann x08go/Z=\n",
        "text\n\n" + "— PeterNeumann x08go/ZJ\n" * (SIGNATURES_MAX + 1),
    ],
)
def test_another_spelling_is_no_note(text: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_note(text)


def test_sixteen_signatures_are_taken() -> None:
    signers = [generate(f"key{number}.example") for number in range(16)]
    assert len(check_note(parse_note(str(signed("text\n", signers))), [each.verifier for each in signers])) == 16


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        PUBLIC.replace("c74f20a3", "c74f20a4"),
        PUBLIC.replace("c74f20a3", "C74F20A3"),
        PUBLIC.replace("PeterNeumann", "PeterNeuman"),
        PUBLIC.replace("PeterNeumann", ""),
        PUBLIC.replace("PeterNeumann", "Peter Neumann"),
        PUBLIC[:-1],
        PUBLIC + "=",
        PUBLIC.replace("+ARpc", "+Axpc"),
        "x" * 600,
        PRIVATE,
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ProofInvalid):
        parse_verifier(text)


@pytest.mark.parametrize("text", ["", PUBLIC, PRIVATE[:-4], PRIVATE.replace("c74f20a3", "c74f20a4")])
def test_what_is_no_private_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ProofInvalid) as refused:
        parse_signer(text)
    assert "AYEK" not in str(refused.value)


def test_a_private_key_is_in_no_repr() -> None:
    assert "AYEK" not in repr(parse_signer(PRIVATE))


def test_a_key_that_was_made_reads_as_itself() -> None:
    made = generate("log.example/x")
    read = parse_signer(made.text())
    assert read.verifier == made.verifier == parse_verifier(str(made.verifier))
    with pytest.raises(ProofInvalid):
        generate("a name with blanks")


@given(st.binary(max_size=40))
def test_base64_has_one_spelling(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert decode_base64(text) == data
    with pytest.raises(ProofInvalid):
        decode_base64(text, length=len(data) + 1)
    with pytest.raises(ProofInvalid):
        decode_base64(text + "\n")


def test_a_signature_is_written_as_it_was_read() -> None:
    assert Signature("PeterNeumann", bytes.fromhex("c74f20a3"), decode_base64(LINE[15:-1])[4:]).line == LINE
