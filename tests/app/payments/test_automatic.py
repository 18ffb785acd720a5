"""Automatic top-ups: off by default, once per crossing, within the ceiling, and never twice for one crossing, whichever process
dies.
"""

from __future__ import annotations

import pytest

from app.accounts.commands import on_account
from app.payments.automatic import TURN_SECONDS, AutomaticTopUps, TopUp
from domain import account as accounts
from domain.events import CheckoutFailed, TopUpSettled
from tests.app.payments.test_processing import USD, World, world
from tests.support.payments.paying import Died

__all__ = ["world"]


async def saved(world: World) -> AutomaticTopUps:
    """A customer who bought a pack of $10 and saved their card."""
    await world.payments.begin("co_first", "acct", "starter", save=True)
    world.state.pay(next(iter(world.state.sessions)))
    await world.deliver_all()
    return AutomaticTopUps(world.payments)


def switch(
    automatic: AutomaticTopUps, *, enabled: bool = True, threshold: int = 5 * USD, ceiling: int = 100 * USD
) -> None:
    assert automatic.switch(
        "acct", enabled=enabled, pack_id="starter", threshold_nanos=threshold, ceiling_nanos=ceiling
    )


def spend(world: World, nanos: int) -> None:
    adjustment_id = f"spent-{len(world.house.events())}"
    on_account(
        world.house.ledger,
        world.house.codec,
        "acct",
        lambda state: accounts.post_adjustment(
            state, adjustment_id=adjustment_id, kind="correction", amount_nanos=-nanos, reason="spent", reference=None
        ),
    )


async def turn(world: World, automatic: AutomaticTopUps) -> None:
    world.house.pass_time(TURN_SECONDS + 1)
    await automatic.turn()


def row(automatic: AutomaticTopUps) -> TopUp:
    found = automatic.of_account("acct")
    assert found is not None
    return found


async def test_it_is_off_until_it_is_switched_on_and_needs_a_saved_method(world: World) -> None:
    automatic = AutomaticTopUps(world.payments)
    assert automatic.of_account("acct") is None
    assert not automatic.switch("acct", enabled=True, pack_id="starter", threshold_nanos=1, ceiling_nanos=1)
    automatic = await saved(world)
    assert not row(automatic).enabled
    spend(world, 9 * USD)
    await turn(world, automatic)
    assert world.credited() == 1


async def test_a_crossing_is_charged_once_and_the_next_one_again(world: World) -> None:
    automatic = await saved(world)
    switch(automatic)
    await turn(world, automatic)
    assert world.credited() == 1, "above the threshold"
    spend(world, 6 * USD)
    for _ in range(3):
        await turn(world, automatic)
    assert world.house.available("acct") == 14 * USD
    assert row(automatic).state == "armed"
    spend(world, 12 * USD)
    for _ in range(3):
        await turn(world, automatic)
    assert world.house.available("acct") == 12 * USD
    assert world.credited() == 3


async def test_a_pack_that_does_not_reach_the_threshold_is_bought_once(world: World) -> None:
    automatic = await saved(world)
    switch(automatic, threshold=50 * USD)
    for _ in range(5):
        await turn(world, automatic)
    assert world.credited() == 2
    assert row(automatic).state == "charged"


async def test_saving_its_terms_again_buys_nothing_more(world: World) -> None:
    automatic = await saved(world)
    switch(automatic, threshold=50 * USD)
    await turn(world, automatic)
    assert row(automatic).state == "charged"
    for ceiling in (100 * USD, 90 * USD):
        switch(automatic, threshold=50 * USD, ceiling=ceiling)
        await turn(world, automatic)
    assert world.credited() == 2
    automatic.switch("acct", enabled=False, pack_id="starter", threshold_nanos=50 * USD, ceiling_nanos=100 * USD)
    switch(automatic, threshold=50 * USD)
    await turn(world, automatic)
    assert world.credited() == 3, "switched off and on, it begins anew"


async def test_the_months_ceiling_is_not_passed(world: World) -> None:
    automatic = await saved(world)
    switch(automatic, ceiling=15 * USD)
    for _ in range(3):
        spend(world, 8 * USD)
        await turn(world, automatic)
        await turn(world, automatic)
    assert world.credited() == 2
    waiting = row(automatic)
    assert (waiting.state, waiting.enabled) == ("ceiling", True)
    assert "ceiling" in (waiting.problem or "")
    switch(automatic, ceiling=40 * USD)
    await turn(world, automatic)
    assert world.credited() == 3


@pytest.mark.parametrize("code", ["card_declined", "authentication_required", "expired_card"])
async def test_a_refused_method_switches_it_off_visibly(world: World, code: str) -> None:
    automatic = await saved(world)
    switch(automatic)
    world.state.outcomes = [code]
    spend(world, 6 * USD)
    await turn(world, automatic)
    off = row(automatic)
    assert (off.enabled, off.state) == (False, "off")
    assert code in (off.problem or "")
    assert [event.reason for event in world.house.events() if isinstance(event, CheckoutFailed)] == [code]
    await turn(world, automatic)
    assert world.credited() == 1


async def test_a_charge_that_takes_its_time_is_waited_for(world: World) -> None:
    automatic = await saved(world)
    switch(automatic)
    world.state.outcomes = ["processing"]
    spend(world, 6 * USD)
    for _ in range(3):
        await turn(world, automatic)
    assert row(automatic).state == "charging"
    assert len(world.state.intents) == 2
    world.state.settle_intent(list(world.state.intents)[-1])
    await turn(world, automatic)
    assert world.house.available("acct") == 14 * USD
    await turn(world, automatic)
    assert row(automatic).state == "armed"


async def test_a_frozen_account_is_not_charged(world: World) -> None:
    automatic = await saved(world)
    switch(automatic)
    on_account(world.house.ledger, world.house.codec, "acct", lambda state: accounts.freeze(state, reason="review"))
    spend(world, 6 * USD)
    await turn(world, automatic)
    assert world.credited() == 1


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("at", range(8))
async def test_a_process_that_dies_in_a_crossing_is_followed_by_one_that_charges_once(
    world: World, at: int, after: bool
) -> None:
    automatic = await saved(world)
    switch(automatic)
    spend(world, 6 * USD)
    world.house.ledger.dies_in, world.house.ledger.after = at, after
    world.house.pass_time(TURN_SECONDS + 1)
    try:
        await automatic.turn()
    except Died:
        automatic = AutomaticTopUps(world.house.process(world.payments.vendor))
    world.house.ledger.dies_in = None
    world.state.now += 2 * 86_400  # past every idempotency key
    for _ in range(3):
        await turn(world, automatic)
    assert len(world.state.intents) == 2
    assert sum(isinstance(event, TopUpSettled) for event in world.house.events()) == 2
    assert world.house.available("acct") == 14 * USD


async def test_a_charge_whose_answer_was_lost_is_repeated_under_the_same_crossing(world: World) -> None:
    automatic = await saved(world)
    switch(automatic)
    spend(world, 6 * USD)
    world.transport.faults.lose_response_after_acting = 1
    for _ in range(3):
        await turn(world, automatic)
    assert world.house.available("acct") == 14 * USD
    assert len(world.state.intents) == 2
