"""Usage as chat completions represent it."""

from __future__ import annotations

from openai.types import CompletionUsage

from app.wire.chat.usage import usage_object
from domain.usage import Usage


def test_totals_include_their_parts() -> None:
    usage = Usage(
        input=10,
        cached_input=5,
        cache_write=2,
        cache_write_1h=1,
        output=7,
        reasoning=3,
        image_input=4,
        image_output=6,
        web_search_calls=2,
    )
    written = usage_object(usage)
    CompletionUsage.model_validate(written, strict=True)
    assert (written["prompt_tokens"], written["completion_tokens"]) == (usage.input_tokens, usage.output_tokens)
    assert written["total_tokens"] == usage.total_tokens
    assert written["prompt_tokens_details"] == {
        "cached_tokens": 5,
        "cache_write_tokens": 3,
        "image_tokens": 4,
        "audio_tokens": 0,
    }
    assert written["completion_tokens_details"]["reasoning_tokens"] == 3
