"""Receipts of everything that moves an account's money, for that account only, on both engines."""

from __future__ import annotations

from typing import Any

import pytest

from app.faults import NotSealedYet, NotSettledYet
from app.ledger.codec import Codec
from app.replay.findings import Difference
from app.transparency import subjects
from app.transparency.events import entry_of
from app.transparency.verify import verify
from domain.events import (
    AccountOpened,
    AdjustmentPosted,
    FundsReinstated,
    KeyCreated,
    RefundFailed,
    RequestAdmitted,
    RequestDebited,
    RequestReleased,
    TopUpSettled,
)
from projections.proofs.checkpoint import Checkpoint, parse_checkpoint
from projections.proofs.errors import ProofInvalid
from projections.proofs.keys import LogKeys
from projections.proofs.leaf import leaf_bytes
from projections.proofs.merkle import HASH_BYTES, leaf_hash, root
from projections.proofs.note import Note, generate, parse_note, signed
from projections.proofs.receipt import check_receipt
from projections.proofs.tiles import reader
from tests.app.transparency.conftest import Sealed, cosign
from tests.support.transparency.logs import ORIGIN, SIGNER, WITNESS

CODEC = Codec()


def payment_of(sealed: Sealed) -> str:
    rows = sealed.ledger.select("SELECT originator_id FROM stored_events WHERE topic = 'payment.top_up_settled.v1'")
    return str(rows[0][0]).removeprefix("payment:")


def test_requests_payments_refunds_and_disputes_have_receipts(sealed: Sealed) -> None:
    sealed.sealer().seal()
    for name, topics in (
        ("req-1-3", {"request.debited.v1", "request.released.v1"}),
        (payment_of(sealed), {"payment.top_up_settled.v1"}),
        ("re-zoë-1", {"refund.posted.v1"}),
        ("re-zoë-2", {"refund.posted.v1"}),
        ("du-zoë", {"dispute.funds_withdrawn.v1"}),
    ):
        event = subjects.by_id(sealed.ledger, CODEC, name)
        assert event is not None, name
        proven = check_receipt(sealed.receipts.of(event), [SIGNER.verifier])
        assert proven.entry.topic in topics
        assert proven.entry.state == event.state
        assert proven.entry.position == event.id


def test_every_event_of_the_log_has_one(sealed: Sealed) -> None:
    sealed.sealer().seal()
    for event in sealed.ledger.read(0, 1_000):
        assert check_receipt(sealed.receipts.of(event), [SIGNER.verifier]).entry.position == event.id


def test_another_account_s_are_not_there(sealed: Sealed) -> None:
    name = payment_of(sealed)
    assert subjects.by_id(sealed.ledger, CODEC, name, "zoë") is not None
    for each in (name, "re-zoë-1", "du-zoë"):
        assert subjects.by_id(sealed.ledger, CODEC, each, "acme") is None


@pytest.mark.parametrize("name", ["", "x" * 201, "none", "account:acme"])
def test_an_unknown_id_has_no_event(sealed: Sealed, name: str) -> None:
    assert subjects.by_id(sealed.ledger, CODEC, name) is None


def test_a_position_is_one_or_none(sealed: Sealed) -> None:
    head = sealed.ledger.head().position
    found = subjects.at_position(sealed.ledger, head)
    assert found is not None
    assert found.id == head
    for position in (0, -1, head + 1):
        assert subjects.at_position(sealed.ledger, position) is None


def test_a_failed_refund_and_a_won_dispute_have_separate_receipts(sealed: Sealed) -> None:
    sealed.sealer().seal()
    ends = [row for row in sealed.ledger.read(0, 10_000) if row.topic in (RefundFailed.TOPIC, FundsReinstated.TOPIC)]
    assert {row.topic for row in ends} == {RefundFailed.TOPIC, FundsReinstated.TOPIC}
    for row in ends:
        account = CODEC.decode(row.topic, row.state).account_id  # type: ignore[union-attr]
        assert subjects.by_position(sealed.ledger, CODEC, str(row.id), account) == row
        assert check_receipt(sealed.receipts.of(row), sealed.keys.own).entry.position == row.id
        assert subjects.by_position(sealed.ledger, CODEC, str(row.id), "somebody") is None


def test_a_position_is_given_out_where_it_is_a_row_of_the_account_s_statement(sealed: Sealed) -> None:
    found = {
        row.topic
        for row in sealed.ledger.read(0, 10_000)
        for account in ("acme", "bob", "zoë")
        if subjects.by_position(sealed.ledger, CODEC, str(row.id), account)
    }
    assert {RequestDebited.TOPIC, RequestReleased.TOPIC, AdjustmentPosted.TOPIC, TopUpSettled.TOPIC} <= found
    assert not found & {KeyCreated.TOPIC, RequestAdmitted.TOPIC, AccountOpened.TOPIC}
    for none in ("0", "-1", "01", "1 ", "\u0661", "9" * 30, "", str(sealed.ledger.head().position + 1)):
        assert subjects.by_position(sealed.ledger, CODEC, none, "acme") is None


def test_an_open_request_and_an_event_after_the_checkpoint_have_no_receipt_yet(sealed: Sealed) -> None:
    sealed.sealer().seal()
    with pytest.raises(NotSettledYet):
        subjects.by_id(sealed.ledger, CODEC, sealed.ledger.open_requests()[0].request_id)
    sealed.grow(1)
    newest = subjects.at_position(sealed.ledger, sealed.ledger.head().position)
    assert newest is not None
    with pytest.raises(NotSealedYet):
        sealed.receipts.of(newest)


def test_no_receipt_leaves_that_does_not_hold(sealed: Sealed) -> None:
    """The event was changed since it was sealed: the receipt would be worth nothing, so it is not made."""
    sealed.sealer().seal()
    sealed.attack(("UPDATE stored_events SET topic = 'x' WHERE notification_id = 9", ()))
    changed = subjects.at_position(sealed.ledger, 9)
    assert changed is not None
    with pytest.raises(ProofInvalid, match="do not match the checkpoint's root"):
        sealed.receipts.of(changed)


def test_a_witness_of_another_log_another_root_or_the_future_is_refused(sealed: Sealed) -> None:
    sealed.sealer().seal()
    text = parse_note(sealed.file.read() or "").text
    origin, size, root, _ = text.split("\n")
    stranger = generate("stranger.example")
    for forged, said in (
        (f"other.example\n{size}\n{root}\n", "not a checkpoint of this log"),
        (f"{origin}\n{int(size) + 1}\n{root}\n", "has not signed"),
        (f"{origin}\n{int(size) - 1}\n{root}\n", "differs from the log's root"),
        (f"{origin}\n{size}\n{root}\nmore\n", "not a checkpoint of this log"),
    ):
        with pytest.raises(ProofInvalid, match=said):
            sealed.receipts.cosign(str(Note(forged, (WITNESS.cosign(forged, 1),))))
    with pytest.raises(ProofInvalid, match="No known key"):
        sealed.receipts.cosign(str(signed(text, [stranger])))
    wrong = WITNESS.cosign(text, 1)._replace(value=bytes(72))
    with pytest.raises(ProofInvalid, match="is not valid"):
        sealed.receipts.cosign(str(Note(text, (wrong,))))
    assert [kept.witnesses for kept in sealed.stored.trees.kept()] == [0]


def test_two_witnesses_sign_one_after_the_other(sealed: Sealed) -> None:
    sealed.sealer().seal()
    second = generate("witness.example/w2", 4)
    keys = sealed.keys
    sealed.keys = type(keys)(keys.origin, keys.signers, witnesses=(WITNESS.verifier, second.verifier))
    text = parse_note(sealed.file.read() or "").text
    assert sealed.receipts.cosign(str(Note(text, (WITNESS.cosign(text, 1),)))) == 1
    assert sealed.receipts.cosign(str(Note(text, (second.cosign(text, 2),)))) == 2
    sealed.sealer().seal()
    assert sealed.verify().ok
    assert len(parse_note(sealed.file.read() or "").signatures) == 3


def test_two_witnesses_that_sign_at_once_are_both_kept(sealed: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call runs between the first call's read and its write. The checkpoint is stored, or has a size that was thinned
    out."""
    second = generate("witness.example/w2", 4)
    sealed.keys = LogKeys(ORIGIN, (SIGNER,), witnesses=(WITNESS.verifier, second.verifier))
    sealed.sealer(page_events=300).seal()
    newest, receipts = parse_note(sealed.file.read() or "").text, sealed.receipts
    thinned = Checkpoint(ORIGIN, 300, root(300, reader(receipts.trees.tile))).text
    save = receipts.trees.save_cosigned
    for text in (newest, thinned):
        ahead = [str(Note(text, (second.cosign(text, 2),)))]

        def late(*what: Any, ahead: list[str] = ahead, **how: Any) -> None:
            while ahead:
                assert sealed.receipts.cosign(ahead.pop()) == 1
            save(*what, **how)

        monkeypatch.setattr(receipts.trees, "save_cosigned", late)
        assert receipts.cosign(str(Note(text, (WITNESS.cosign(text, 1),)))) == 2
        kept = receipts.trees.at(parse_checkpoint(text).size)
        assert kept is not None
        assert (kept.witnesses, len(parse_note(kept.note).signatures)) == (2, 3)


def test_a_witness_that_is_taken_out_stays_known(sealed: Sealed) -> None:
    """Its signatures are not taken any more, and those that are kept are not missed."""
    second = generate("witness.example/w2", 4).verifier
    sealed.sealer().seal()
    old = cosign(sealed)
    sealed.keys = LogKeys(ORIGIN, (SIGNER,), witnesses=(second,))
    where, told = f"at {sealed.ledger.head().position} in the database", verify(sealed.stored, sealed.keys.known)
    assert told.differences == (Difference("witnesses", where, "1 with known keys", "0 with known keys"),)
    sealed.keys = LogKeys(ORIGIN, (SIGNER,), witnesses=(second,), retired_witnesses=(WITNESS.verifier,))
    assert verify(sealed.stored, sealed.keys.known).ok
    sealed.grow(1)
    sealed.sealer().seal()
    text = parse_note(sealed.file.read() or "").text
    with pytest.raises(ProofInvalid, match="No known key"):
        sealed.receipts.cosign(str(Note(text, (WITNESS.cosign(text, 1),))))
    assert check_receipt(sealed.receipts.of(sealed.ledger.read(3, 1)[0]), sealed.keys.known).signed.note == parse_note(
        old
    )


def test_a_receipt_under_an_old_key_s_checkpoint_holds_by_the_new_key_alone(sealed: Sealed) -> None:
    sealed.sealer().seal()
    old, [event] = cosign(sealed), sealed.ledger.read(3, 1)
    new = generate(ORIGIN)
    for signers, retired in (((new, SIGNER), ()), ((new,), (SIGNER.verifier,))):
        sealed.keys = LogKeys(ORIGIN, signers, retired, (WITNESS.verifier,))
        sealed.grow(1)
        sealed.sealer().seal()
        for trusted in (new.verifier, SIGNER.verifier):
            signed_by = check_receipt(sealed.receipts.of(event), [trusted, WITNESS.verifier]).signed
            assert (signed_by.note.text, len(signed_by.witnesses)) == (parse_note(old).text, 1)
    kept = sealed.receipts.trees.at(parse_checkpoint(parse_note(old).text).size)
    assert kept is not None
    assert kept.note == old, "the one that is kept stays as it was"


def test_nothing_is_signed_again_before_the_new_key_has_signed_the_log_nor_what_is_not_in_it(sealed: Sealed) -> None:
    """Someone with the old key and the database cannot get the new key to sign data that they insert."""
    sealed.sealer().seal()
    [event], new = sealed.ledger.read(3, 1), generate(ORIGIN)
    cosign(sealed)
    sealed.keys = LogKeys(ORIGIN, (new,), (SIGNER.verifier,), (WITNESS.verifier,))
    assert check_receipt(sealed.receipts.of(event), sealed.keys.known).signed.keys == (SIGNER.verifier,)
    sealed.grow(1)
    sealed.sealer().seal()
    sealed.attack(("UPDATE stored_events SET command_id = 'forged' WHERE notification_id = 4", ()))
    [forged], tile = sealed.ledger.read(3, 1), sealed.stored.tile(0, 0)
    tile = tile[: 3 * HASH_BYTES] + leaf_hash(leaf_bytes(entry_of(forged))) + tile[4 * HASH_BYTES :]
    sealed.attack(("UPDATE log_tiles SET hashes = ? WHERE level = 0 AND tile = 0", (tile,)))
    note = str(signed(Checkpoint(ORIGIN, 4, root(4, reader(sealed.stored.tile))).text, [SIGNER]))
    sealed.attack(("UPDATE log_checkpoints SET size = 4, note = ? WHERE witnesses > 0", (note,)))
    with pytest.raises(ProofInvalid, match="consist"):
        sealed.receipts.of(forged)
    sealed.keys = LogKeys(ORIGIN, (SIGNER,))
    assert check_receipt(sealed.receipts.of(forged), sealed.keys.known).entry.command_id == "forged"
