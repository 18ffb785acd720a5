"""Prices as the file spells them, and what becomes of them."""

from __future__ import annotations

import pytest

from app.settings import parse
from app.settings.errors import SettingsError

UPSTREAM = '[[upstream]]\nname = "openai"\nprotocol = "openai"\nbase_url = "https://api.openai.com/v1"\n'
MODEL = '[[model]]\nid = "m"\nupstreams = ["openai"]\ncontext_window = 100\nmax_output_tokens = 10\n'
PRICE = '[model.price]\ninput = "1"\noutput = "2"\n'


def test_an_inline_price_is_the_same_as_a_table() -> None:
    inline = parse(UPSTREAM + MODEL + 'price = { input = "1", output = "2" }\n', environ={})
    assert inline.catalog().model("m") == parse(UPSTREAM + MODEL + PRICE, environ={}).catalog().model("m")


def test_long_context_prices_reach_the_catalog() -> None:
    text = UPSTREAM + MODEL + PRICE + '[[model.price.above]]\ninput_tokens = 50\noutput = "3"\n'
    prices = parse(text, environ={}).catalog().model("m").prices
    assert prices.tokens_at(50).by_kind["output"] == 2_000_000
    assert prices.tokens_at(51).by_kind["output"] == 3_000_000


def test_prices_of_service_tiers_and_calls_reach_the_catalog() -> None:
    text = UPSTREAM + MODEL + 'tools = ["mcp"]\n' + PRICE + '[model.price.calls]\nmcp = "0.002"\n'
    text += '[[model.price.tier]]\nname = "flex"\ninput = "0.5"\n'
    text += '[[model.price.tier.above]]\ninput_tokens = 50\ninput = "0.75"\n'
    prices = parse(text, environ={}).catalog().model("m").prices
    assert prices.call_picos == {"mcp": 2_000_000_000}
    assert [prices.tokens_at(count, "flex").by_kind["input"] for count in (50, 51)] == [500_000, 750_000]
    assert prices.tokens_at(51).by_kind["input"] == 1_000_000


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        (UPSTREAM + MODEL + 'tools = ["mcp"]\n' + PRICE, 11, "model[0].price.calls.mcp", "needs price.calls.mcp"),
        (
            UPSTREAM + MODEL + 'tools = ["mcp"]\n' + PRICE + '[model.price.calls]\ncustom = "0"\n',
            14,
            "model[0].price.calls.mcp",
            "needs price.calls.mcp",
        ),
        (UPSTREAM + MODEL + PRICE + '[model.price.calls]\nmpc = "0"\n', 14, "model[0].price.calls.mpc", "mean mcp?"),
        (UPSTREAM + MODEL + PRICE + "[model.price.calls]\nmcp = 0\n", 14, "model[0].price.calls.mcp", "in quotes"),
        (UPSTREAM + MODEL + PRICE + '[model.price.calls]\nmcp = "x"\n', 14, "model[0].price.calls.mcp", "decimal"),
        (UPSTREAM + MODEL + PRICE + '[model.price.tier]\nname = "flex"\n', 13, "model[0].price.tier", "two brackets"),
        (
            UPSTREAM + MODEL + PRICE + '[[model.price.tier]]\nname = "Flex"\n',
            14,
            "model[0].price.tier[0].name",
            "regex",
        ),
        (
            UPSTREAM + MODEL + PRICE + '[[model.price.tier]]\nname = "auto"\n',
            14,
            "model[0].price.tier[0].name",
            "not auto",
        ),
        (
            UPSTREAM + MODEL + PRICE + '[[model.price.tier]]\nname = "flex"\nimage = "1"\n',
            15,
            "model[0].price.tier[0].image",
            "Did you mean",
        ),
    ],
)
def test_a_price_that_is_none_or_is_missing_is_told_with_its_line(text: str, line: int, key: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(text, environ={})
    assert (caught.value.line, caught.value.key) == (line, key)
    assert hint in caught.value.message
