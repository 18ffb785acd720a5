"""The finish reasons of upstreams, in the words of all servers, and what each means.

Rule 1: a word is the same in any case, with blanks around it, and with hyphens or blanks for underscores. Some servers send an
        object whose `type` is the word.
Rule 2: null, "", false, 0, {} and the words that say "not yet" do not finish an answer.
Rule 3: a word that reports a failure is an error. An unknown word is "stop" after text or calls; otherwise the model declined.

Sources: OpenAI's API reference; DeepSeek, Mistral, Zhipu (`sensitive`, `network_error`), Together (`eos`), Text Generation
Inference (`eos_token`, `stop_sequence`), vLLM (`abort`, `error`), Gemini's OpenAI endpoint (Gemini's words; "function_call_filter:
MALFORMED_FUNCTION_CALL"), DashScope ("null"), Claude and Bedrock through proxies.
"""

from __future__ import annotations

from typing import Any, Final

from app.wire.answer import FinishReason
from app.wire.exchange import AnswerError
from app.wire.relay import malformed

_WORD_LENGTH_MAX: Final = 64
_ABSENT: Final = frozenset(
    {"", "null", "none", "nil", "undefined", "unspecified", "finish_reason_unspecified", "in_progress"}
)
_FAILURES: Final = {
    "insufficient_system_resource": "overloaded",
    "overloaded": "overloaded",
    "overloaded_error": "overloaded",
    "timeout": "timeout",
    **dict.fromkeys(
        (
            *("error", "errored", "server_error", "internal_error", "internal_server_error", "network_error"),
            *("api_error", "abort", "aborted", "cancel", "cancelled", "canceled", "fail", "failed", "failure"),
            *("malformed_function_call", "unexpected_tool_call", "malformed_response", "too_many_tool_calls"),
        ),
        "server_error",
    ),
}
_REASONS: Final[dict[str, FinishReason]] = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_length", "max_output_tokens"), "length"),
    "model_context_window_exceeded": "length",
    **dict.fromkeys(("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"), "tool_calls"),
    **dict.fromkeys(
        (
            *("content_filter", "content_filtered", "guardrail_intervened", "refusal", "sensitive", "safety"),
            *("recitation", "language", "blocklist", "prohibited_content", "spii", "model_armor", "image_safety"),
        ),
        "content_filter",
    ),
}


def word_of(value: Any) -> str:
    """The word of a finish reason, "" if it does not finish the answer."""
    if isinstance(value, dict):
        value = value.get("type")
    if not value:
        return ""
    if not isinstance(value, str):
        malformed("The answer contains a finish reason that is not text.")
    word = "_".join(value.lower().replace("-", " ").replace("_", " ").split())
    return "" if word in _ABSENT else word


def refuse_failed(word: str) -> None:
    """Raises AnswerError if `word` reports a failure."""
    if failure := _FAILURES.get(_last(word)):
        raise AnswerError("The upstream aborted the answer.", malformed=False, type="server_error", code=failure)


def known_reason(word: str) -> FinishReason | None:
    """What a word means that reports no failure. None if it is not known."""
    return _REASONS.get(_last(word))


def reason_of(word: str, *, answered: bool) -> FinishReason:
    """What `word` means. `answered`: there is text or a call. Raises AnswerError if the answer failed, or the model declined."""
    refuse_failed(word)
    known = known_reason(word)
    if known is None and not answered:
        malformed(f"The upstream's model gave no answer: {word[:_WORD_LENGTH_MAX]}.")
    return known or "stop"


def _last(word: str) -> str:
    return word.rpartition(":")[2].strip("_")
