"""The messages of refusals."""

from __future__ import annotations

import pytest

from domain.errors import (
    AccountIsFrozen,
    DomainError,
    InsufficientQuota,
    InvalidValue,
    KeyIsExpired,
    KeyIsRevoked,
    ModelNotAllowed,
    ModelNotFound,
    RateLimited,
)


def test_a_refusal_for_money_names_both_amounts_and_what_helps() -> None:
    balance = InsufficientQuota(2_000_000_000, 1_500_000)
    assert "$2.00" in str(balance)
    assert "$0.0015" in str(balance)
    assert "Add credit" in str(balance)
    budget = InsufficientQuota(2_000_000_000, -1, budget=True)
    assert "monthly budget" in str(budget)
    assert (budget.needed_nanos, budget.available_nanos, budget.budget) == (2_000_000_000, -1, True)


def test_a_rate_says_how_long_to_wait_or_that_no_wait_helps() -> None:
    assert "Try again in 12 s." in str(RateLimited("requests per minute", 60, 1, 0, 12))
    hopeless = RateLimited("tokens per minute", 100, 500, 100, None)
    assert "alone exceeds the limit" in str(hopeless)
    assert (hopeless.limit, hopeless.needed, hopeless.available, hopeless.retry_after_seconds) == (100, 500, 100, None)


def test_a_model_name_is_cut_before_it_is_repeated() -> None:
    assert len(str(ModelNotFound("m" * 10_000))) < 300


@pytest.mark.parametrize(
    "error",
    [AccountIsFrozen(), KeyIsRevoked(), KeyIsExpired(), ModelNotAllowed("m")],
)
def test_every_refusal_is_a_domain_error_with_a_sentence(error: DomainError) -> None:
    assert isinstance(error, DomainError)
    assert str(error)


def test_a_wrong_value_names_its_field() -> None:
    assert InvalidValue("amount", "no").field == "amount"
    assert ModelNotAllowed("m").model == "m"
