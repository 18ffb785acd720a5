"""Receipts: of everything that moves an account's money, for nobody else, on both engines."""

from __future__ import annotations

import pytest

from app.ledger.codec import Codec
from app.sealing import subjects
from app.sealing.errors import NotSealedYet, NotSettledYet
from projections.proofs.errors import ProofInvalid
from projections.proofs.note import Note, generate, parse_note, signed
from projections.proofs.receipt import check_receipt
from tests.app.sealing.conftest import Sealed
from tests.support.logs import SIGNER, WITNESS

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
def test_what_is_none_is_none(sealed: Sealed, name: str) -> None:
    assert subjects.by_id(sealed.ledger, CODEC, name) is None


def test_a_position_is_one_or_none(sealed: Sealed) -> None:
    head = sealed.ledger.head().position
    found = subjects.at_position(sealed.ledger, head)
    assert found is not None
    assert found.id == head
    for position in (0, -1, head + 1):
        assert subjects.at_position(sealed.ledger, position) is None


def test_an_open_request_and_an_event_behind_the_checkpoint_wait(sealed: Sealed) -> None:
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
    with pytest.raises(ProofInvalid, match="do not lead to the checkpoint's root"):
        sealed.receipts.of(changed)


def test_a_witness_of_another_log_another_root_or_the_future_is_refused(sealed: Sealed) -> None:
    sealed.sealer().seal()
    text = parse_note(sealed.file.read() or "").text
    origin, size, root, _ = text.split("\n")
    stranger = generate("stranger.example")
    for forged, said in (
        (f"other.example\n{size}\n{root}\n", "not a checkpoint of this log"),
        (f"{origin}\n{int(size) + 1}\n{root}\n", "has not signed"),
        (f"{origin}\n{int(size) - 1}\n{root}\n", "not the root"),
        (f"{origin}\n{size}\n{root}\nmore\n", "not a checkpoint of this log"),
    ):
        with pytest.raises(ProofInvalid, match=said):
            sealed.receipts.cosign(str(Note(forged, (WITNESS.cosign(forged, 1),))))
    with pytest.raises(ProofInvalid, match="No known key"):
        sealed.receipts.cosign(str(signed(text, [stranger])))
    wrong = WITNESS.cosign(text, 1)._replace(value=bytes(72))
    with pytest.raises(ProofInvalid, match="does not hold"):
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
