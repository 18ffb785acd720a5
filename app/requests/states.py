"""The states of one request, and every move between them. completion.py and carrying.py make the moves.

Rule 1: a request is in one state, and only `Progress.move` changes it. A move that TABLE does not list raises IllegalMove and
changes nothing.
Rule 2: an upstream is called only in CARRYING, and ADMITTED, the only way into it, means that the hold is durable.
Rule 3: a complete answer is charged. Once COMPLETE, a stop changes nothing; an answer that completes in the instant in which it is
stopped is COMPLETE too.
Rule 4: DEBITED leads only from COMPLETE. RELEASED leads from STOPPED, and from COMPLETE if the debit could not be made, or the end
of the answer could not be written.
Rule 5: SETTLED is final, and one move leads into it: REFUSED (there was no hold), DEBITED or RELEASED. A stop may still arrive; it
changes nothing.
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    """Where a request is between its admission and its settlement."""

    ADMITTING = auto()
    """Its hold is being placed."""
    CARRYING = auto()
    """Its hold is durable. An upstream is called, and its frames are forwarded."""
    COMPLETE = auto()
    """The first closing frame has arrived. Nothing more is forwarded until the debit is durable."""
    STOPPED = auto()
    """The answer will not complete: the client left, the process stops, or the upstream failed. The hold must be released."""
    SETTLED = auto()
    """Nothing is left to do for this request."""


class Move(Enum):
    """What happens to a request."""

    ADMITTED = auto()
    """The hold is durable."""
    REFUSED = auto()
    """There is no hold: the ledger refused the admission, or did not confirm it."""
    COMPLETED = auto()
    """The first closing frame has arrived, or the end of the answer."""
    STOP = auto()
    """The client left, the process stops, or the upstream failed."""
    DEBITED = auto()
    """The debit is durable, and the end of the answer is on its way to the client."""
    RELEASED = auto()
    """The release was handed to the ledger."""


TABLE: dict[State, dict[Move, State]] = {
    State.ADMITTING: {
        Move.ADMITTED: State.CARRYING,
        Move.REFUSED: State.SETTLED,
        Move.STOP: State.STOPPED,
    },
    State.CARRYING: {
        Move.COMPLETED: State.COMPLETE,
        Move.STOP: State.STOPPED,
    },
    State.COMPLETE: {
        Move.STOP: State.COMPLETE,
        Move.DEBITED: State.SETTLED,
        Move.RELEASED: State.SETTLED,
    },
    State.STOPPED: {
        Move.ADMITTED: State.STOPPED,
        Move.REFUSED: State.SETTLED,
        Move.COMPLETED: State.COMPLETE,
        Move.STOP: State.STOPPED,
        Move.RELEASED: State.SETTLED,
    },
    State.SETTLED: {
        Move.STOP: State.SETTLED,
    },
}
"""The legal moves of each state, and the state that each leads to."""


class IllegalMove(Exception):
    """A bug: a move that TABLE does not list. The state is unchanged."""

    def __init__(self, state: State, move: Move) -> None:
        super().__init__(f"{move.name} is not a legal move in state {state.name}")
        self.state = state
        self.move = move


class Progress:
    """The state of one request."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = State.ADMITTING

    @property
    def state(self) -> State:
        return self._state

    def move(self, move: Move) -> bool:
        """Whether the state changed. Raises IllegalMove."""
        before = self._state
        after = TABLE[before].get(move)
        if after is None:
            raise IllegalMove(before, move)
        self._state = after
        return after is not before
