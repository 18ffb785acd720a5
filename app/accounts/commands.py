"""Commands on accounts, keys and prices, for the command line and the account API: fold, decide, append.

Rule 1: a decision is made on the stream's current version and appended at that version. On a conflict it is made again.
Rule 2: ids come from the caller, so a command can be retried if its answer was lost.
These functions block.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence

from app.faults import TooManyConflicts
from app.ledger.codec import Codec
from app.ledger.store import Append, CommandFailed, Committed, Conflict, Ledger, RecordedEvent
from domain import account as accounts
from domain import price_listing
from domain.account import Account
from domain.catalog import Catalog, Model
from domain.events import Event, UnknownEvent, account_stream, price_stream
from domain.price_listing import Listing

ATTEMPTS_MAX = 20


def new_id(prefix: str) -> str:
    """A random id such as `acct_3f9c...`: the prefix and 96 random bits."""
    return f"{prefix}_{secrets.token_hex(12)}"


def load_account(ledger: Ledger, codec: Codec, account_id: str) -> Account:
    """The account, folded from its stream. Raises StoreUnavailable."""
    return accounts.fold(account_id, known(codec, ledger.stream(account_stream(account_id))))


def on_account(
    ledger: Ledger, codec: Codec, account_id: str, decide: Callable[[Account], Sequence[Event]]
) -> tuple[Account, Sequence[Event]]:
    """Decide on an account, and append. Returns the account before the decision and the events appended, if any."""
    for _ in range(ATTEMPTS_MAX):
        account = load_account(ledger, codec, account_id)
        events = decide(account)
        if not events or _appended(ledger, account_stream(account_id), account.version, events):
            return account, events
    raise TooManyConflicts(f"The account {account_id} is being changed by other processes. Try again.")


def listing_of(ledger: Ledger, codec: Codec, model: str) -> Listing:
    """The newest prices of a model in the ledger."""
    return price_listing.fold(model, known(codec, ledger.stream(price_stream(model))))


def unlisted(ledger: Ledger, codec: Codec, catalog: Catalog) -> list[tuple[Model, Listing]]:
    """The models whose configured prices differ from the ledger's newest, each with the ledger's listing."""
    pairs = [(model, listing_of(ledger, codec, model.id)) for model in catalog.models()]
    return [(model, listing) for model, listing in pairs if listing.prices != model.prices]


def apply_prices(ledger: Ledger, codec: Codec, catalog: Catalog) -> list[tuple[Model, int]]:
    """List the configured prices that differ. Returns the models with new listings, and their versions."""
    applied = []
    for model, _listing in unlisted(ledger, codec, catalog):
        for _ in range(ATTEMPTS_MAX):
            listing = listing_of(ledger, codec, model.id)
            events = price_listing.list_prices(listing, model.prices)
            if not events or _appended(ledger, price_stream(model.id), listing.version, events):
                applied.append((model, listing.version + len(events)))
                break
        else:
            raise TooManyConflicts(f"The prices of {model.id} are being changed by other processes. Try again.")
    return applied


def known(codec: Codec, recorded: Iterable[RecordedEvent]) -> list[Event]:
    """The events of a stream. Raises CommandFailed if this version does not know one of them."""
    events = []
    for one in recorded:
        event = codec.decode(one.topic, one.state)
        if isinstance(event, UnknownEvent):
            raise CommandFailed(
                f"The stream {one.originator_id} contains an event unknown to this version ({one.topic}). Update Realrouter."
            )
        events.append(event)
    return events


def _appended(ledger: Ledger, stream: str, version: int, events: Sequence[Event]) -> bool:
    append = Append(f"cmd_{secrets.token_hex(12)}", stream, version, tuple(events))
    [verdict] = ledger.append([append])
    match verdict:
        case Committed():
            return True
        case Conflict():
            return False
        case _:
            raise CommandFailed(str(verdict))
