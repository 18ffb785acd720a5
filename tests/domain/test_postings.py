"""The books and the buckets agree, whatever happens."""

from __future__ import annotations

from collections import Counter

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from domain import buckets
from domain.checkout import fail
from domain.checkout import fold as fold_checkout
from domain.events import (
    EVENTS,
    AccountFrozen,
    AccountOpened,
    AccountUnfrozen,
    AdjustmentPosted,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
    CheckoutStarted,
    Event,
    FileDeleted,
    FileUploaded,
    KeyCreated,
    KeyLimitsChanged,
    KeyRevoked,
    PriceListed,
    RefundPosted,
    RequestDebited,
    TopUpSettled,
)
from domain.postings import customer_available, customer_held, movements, postings
from domain.request import Hold
from tests.support.domain.strategies import (
    EACH_EVENT,
    adjustments,
    checkouts,
    debits,
    events,
    holds,
    instants,
    releases,
    uploads,
)

_MOVES_NO_MONEY = (
    AccountOpened,
    KeyCreated,
    KeyLimitsChanged,
    KeyRevoked,
    AccountFrozen,
    AccountUnfrozen,
    PriceListed,
    FileUploaded,
    FileDeleted,
    CheckoutStarted,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutFailed,
)


def moved(*steps: tuple[Event, int]) -> Counter[str]:
    """The buckets after events at their instants, zeros left out."""
    total: Counter[str] = Counter()
    for event, at_micros in steps:
        for name, delta in movements(event, at_micros):
            total[name] += delta
    return Counter({name: value for name, value in total.items() if value})


@settings(max_examples=300)
@given(events)
def test_postings_sum_to_zero(event: Event) -> None:
    assert sum(nanos for _, nanos in postings(event)) == 0


@settings(max_examples=300)
@given(events, instants)
def test_available_and_held_are_the_liabilities_with_the_sign_turned(event: Event, at_micros: int) -> None:
    booked: Counter[str] = Counter()
    for account, nanos in postings(event):
        booked[account] += nanos
    account_id = getattr(event, "account_id", "")
    change = moved((event, at_micros))
    assert change[buckets.available(account_id)] == -booked[customer_available(account_id)]
    assert change[buckets.held(account_id)] == -booked[customer_held(account_id)]


@given(events, instants)
def test_what_moves_no_money_has_no_postings_and_what_does_has_some(event: Event, at_micros: int) -> None:
    assert bool(postings(event)) == (not isinstance(event, _MOVES_NO_MONEY))
    names = [name for name, _ in movements(event, at_micros)]
    assert len(names) == len(set(names))


@given(st.data(), holds)
def test_a_release_leaves_nothing_but_the_request_counted(data: st.DataObject, hold: Hold) -> None:
    released = data.draw(releases(hold))
    left = moved((hold.admitted, hold.recorded_at_micros), (released, data.draw(instants)))
    key, at = hold.admitted.key_id, hold.recorded_at_micros
    free = released.delivered_nanos if released.reason == "cancelled" else 0
    expected = Counter({f"requests:{key}:{buckets.minute_of(at)}": 1})
    if free:
        expected[f"cancelled:{released.account_id}:{buckets.day_of(at)}"] = free
    assert left == expected


@given(st.data(), holds)
def test_a_debit_leaves_its_cost_and_its_tokens_and_no_hold(data: st.DataObject, hold: Hold) -> None:
    debited = data.draw(debits(hold))
    left = moved((hold.admitted, hold.recorded_at_micros), (debited, data.draw(instants)))
    key, at = hold.admitted.key_id, hold.recorded_at_micros
    expected = Counter(
        {
            f"requests:{key}:{buckets.minute_of(at)}": 1,
            f"available:{debited.account_id}": -debited.cost_nanos,
            f"spend:{key}:{buckets.month_of(at)}": debited.cost_nanos,
            f"tokens:{key}:{buckets.minute_of(at)}": debited.usage.total_tokens,
        }
    )
    assert left == Counter({name: value for name, value in expected.items() if value})


@given(debits(), instants, instants)
def test_what_is_given_back_goes_to_the_window_it_came_from(debited: RequestDebited, one: int, other: int) -> None:
    assert movements(debited, one) == movements(debited, other)


@given(adjustments, instants)
def test_a_grant_is_a_promotion_and_a_correction_says_so(event: AdjustmentPosted, at_micros: int) -> None:
    [(other, booked), _] = postings(event)
    assert other == ("expense:promotions" if event.kind == "grant" else "expense:corrections")
    assert booked == event.amount_nanos


def test_freezing_twice_and_thawing_twice_comes_back_to_zero() -> None:
    freeze, thaw, revoke = (
        AccountFrozen("a", "why", "operator"),
        AccountUnfrozen("a", "why", "operator"),
        KeyRevoked("a", "k"),
    )
    assert moved((freeze, 0)) == {"frozen:a": 1}
    assert moved((freeze, 0), (thaw, 1)) == {}
    assert moved((revoke, 0)) == {"revoked:k": 1}


@given(checkouts, instants, instants)
def test_a_failed_automatic_checkout_gives_its_ceiling_back_and_stays_counted(
    started: CheckoutStarted, at_micros: int, later: int
) -> None:
    [failed] = fail(fold_checkout(started.checkout_id, [(started, at_micros)]), "card_declined")
    count = Counter({f"checkouts:{started.account_id}:{buckets.day_of(at_micros)}": 1})
    month = f"automatic:{started.account_id}:{buckets.month_of(at_micros)}"
    ordered = Counter({month: started.credit_nanos}) if started.automatic else Counter[str]()
    assert moved((started, at_micros)) == count + ordered
    assert moved((started, at_micros), (failed, later)) == count


def test_what_a_pack_gives_beyond_its_price_is_a_promotion_and_the_rest_a_surcharge() -> None:
    cheap = TopUpSettled("pi", "a", "co", 900, "usd", 10 * 10**9)
    dear = TopUpSettled("pi", "a", "co", 1100, "usd", 10 * 10**9)
    abroad = TopUpSettled("pi", "a", "co", 900, "eur", 10 * 10**9)
    credit = ("liabilities:customer:a:available", -10 * 10**9)
    assert postings(cheap) == (("assets:stripe", 9 * 10**9), credit, ("expense:promotions", 10**9))
    assert postings(dear) == (("assets:stripe", 11 * 10**9), credit, ("income:surcharges", -(10**9)))
    assert postings(abroad) == (("assets:stripe", 10 * 10**9), credit)
    back = RefundPosted("re", "pi", "a", 900, "usd", 10 * 10**9)
    assert dict(postings(back)) == {name: -nanos for name, nanos in postings(cheap)}


@given(st.data(), uploads, instants)
def test_a_deleted_file_gives_back_its_place_and_its_bytes(
    data: st.DataObject, uploaded: FileUploaded, at_micros: int
) -> None:
    there = moved((uploaded, at_micros))
    account = uploaded.account_id
    assert there == Counter({f"files:{account}": 1, f"file_bytes:{account}": uploaded.bytes})
    reason = data.draw(st.sampled_from(["deleted", "expired"]))
    deleted = FileDeleted(uploaded.file_id, account, uploaded.bytes, reason)
    assert moved((uploaded, at_micros), (deleted, data.draw(instants))) == {}


def test_every_event_of_the_registry_is_drawn() -> None:
    """The properties above hold for what the strategy draws; a new event must be added to it."""
    one = settings(max_examples=1, phases=[Phase.generate])
    assert {type(find(event, lambda _: True, settings=one)) for event in EACH_EVENT} == set(EVENTS)
