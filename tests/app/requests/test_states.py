"""The table of a request's states: every legal move is listed here, and every other one raises and changes nothing."""

from __future__ import annotations

from itertools import product

import pytest

from app.requests.states import TABLE, IllegalMove, Move, Progress, State

LEGAL = {
    (State.ADMITTING, Move.ADMITTED): State.CARRYING,
    (State.ADMITTING, Move.REFUSED): State.SETTLED,
    (State.ADMITTING, Move.STOP): State.STOPPED,
    (State.CARRYING, Move.COMPLETED): State.COMPLETE,
    (State.CARRYING, Move.STOP): State.STOPPED,
    (State.COMPLETE, Move.STOP): State.COMPLETE,
    (State.COMPLETE, Move.DEBITED): State.SETTLED,
    (State.COMPLETE, Move.RELEASED): State.SETTLED,
    (State.STOPPED, Move.ADMITTED): State.STOPPED,
    (State.STOPPED, Move.REFUSED): State.SETTLED,
    (State.STOPPED, Move.COMPLETED): State.COMPLETE,
    (State.STOPPED, Move.STOP): State.STOPPED,
    (State.STOPPED, Move.RELEASED): State.SETTLED,
    (State.SETTLED, Move.STOP): State.SETTLED,
}
PATHS = {
    State.ADMITTING: (),
    State.CARRYING: (Move.ADMITTED,),
    State.COMPLETE: (Move.ADMITTED, Move.COMPLETED),
    State.STOPPED: (Move.ADMITTED, Move.STOP),
    State.SETTLED: (Move.ADMITTED, Move.COMPLETED, Move.DEBITED),
}
"""Legal moves that lead from the first state to each of them."""


def at(state: State) -> Progress:
    progress = Progress()
    for move in PATHS[state]:
        progress.move(move)
    assert progress.state is state
    return progress


@pytest.mark.parametrize(("state", "move"), LEGAL, ids=lambda value: value.name)
def test_a_legal_move_leads_to_its_state_and_says_whether_it_changed(state: State, move: Move) -> None:
    progress = at(state)
    after = LEGAL[state, move]
    assert progress.move(move) is (after is not state)
    assert progress.state is after


@pytest.mark.parametrize(
    ("state", "move"), [pair for pair in product(State, Move) if pair not in LEGAL], ids=lambda value: value.name
)
def test_an_illegal_move_raises_and_changes_nothing(state: State, move: Move) -> None:
    progress = at(state)
    with pytest.raises(IllegalMove, match=f"{move.name} is not a legal move in state {state.name}") as caught:
        progress.move(move)
    assert (caught.value.state, caught.value.move) == (state, move)
    assert progress.state is state


def test_the_table_has_a_row_for_each_state_and_these_moves_only() -> None:
    assert set(TABLE) == set(State)
    assert {(state, move): after for state, moves in TABLE.items() for move, after in moves.items()} == LEGAL


def test_a_stop_is_legal_in_every_state() -> None:
    assert all(Move.STOP in moves for moves in TABLE.values())


def test_an_upstream_is_called_only_after_the_admission() -> None:
    assert [pair for pair, after in LEGAL.items() if after is State.CARRYING] == [(State.ADMITTING, Move.ADMITTED)]


def test_only_a_complete_answer_is_debited_and_nothing_follows_the_settlement() -> None:
    assert [state for state, move in LEGAL if move is Move.DEBITED] == [State.COMPLETE]
    assert TABLE[State.SETTLED] == {Move.STOP: State.SETTLED}


def test_every_state_has_a_way_to_the_settlement() -> None:
    settled = {State.SETTLED}
    for _ in State:
        settled |= {state for (state, _move), after in LEGAL.items() if after in settled}
    assert settled == set(State)
