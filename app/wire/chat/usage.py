"""Writes usage as chat completions represent it: totals with their parts, all members present."""

from __future__ import annotations

from typing import Any

from domain.usage import Usage


def usage_object(usage: Usage) -> dict[str, Any]:
    """The `usage` member of a completion. Searches have no place in chat: they are billed, but not shown here."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_input,
            "cache_write_tokens": usage.cache_write + usage.cache_write_1h,
            "image_tokens": usage.image_input,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
