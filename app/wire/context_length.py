"""Recognizes the errors by which servers say that a request does not fit into the model's context.

OpenAI's code for them is `context_length_exceeded`, after which agents shorten the conversation and try again. Few servers send it,
so the others are recognized by their words. This table is the only place that lists them.

Rule 1: a rate limit is never such an error, although it may name tokens and lengths ("tokens per minute").
Rule 2: an output limit that exceeds the context without any input is not one either: a shorter conversation would not help.
Rule 3: OpenAI's `string_above_max_length` stays as it is: it is about one member, such as a name, and its `param` says which.
"""

from __future__ import annotations

import re
from typing import Final

TYPE: Final = "invalid_request_error"
CODE: Final = "context_length_exceeded"
MESSAGE_CHARS_READ: Final = 2000

_WORDS: Final = frozenset(
    {
        "context_length_exceeded",  # OpenAI, Azure, Groq, Cerebras: platform.openai.com/docs/guides/error-codes
        "exceed_context_size_error",  # llama.cpp: tools/server/README.md
        "model_context_window_exceeded",  # z.ai: docs.z.ai/api-reference/api-code
        "model_max_prompt_tokens_exceeded",  # GitHub Copilot
    }
)
"""Types and codes that mean nothing else."""

_MESSAGES: Final[tuple[tuple[str, str], ...]] = (
    ("OpenAI Chat, Azure, DeepSeek, vLLM, SGLang, OpenRouter", r"maximum context length (?:is|of) \d+"),
    ("OpenAI Responses", r"exceeds the context window"),
    ("Azure OpenAI", r"input tokens exceed the configured limit"),
    ("Groq, Cerebras, vLLM", r"reduce the length of the (?:input )?(?:messages|prompt)"),
    ("vLLM (before 0.6), its LLM class", r"prompt \(.{0,40}\) is longer than the maximum model length"),
    ("vLLM: entrypoints/serve", r"context length is only \d+ tokens"),
    ("llama.cpp: tools/server/server-context.cpp", r"exceeds the available context size"),
    ("llama.cpp: tools/server/server-context.cpp", r"input is larger than the max context size"),
    ("SGLang: managers/tokenizer_manager.py", r"is longer than the model's context length"),
    ("TGI: router/src/validation.rs; Together", r"`inputs` tokens \+ `max_new_tokens` must be"),
    ("TGI: router/src/validation.rs", r"`inputs` must have less than \d+ tokens"),
    ("TensorRT-LLM", r"prompt length \(\d+\).{0,40} (?:exceeds|should not exceed) max"),
    (
        "Ollama: llm/server.go, runner",
        r"prompt too long; exceeded|input length exceeds (?:the |maximum )?context length",
    ),
    (
        "LM Studio",
        r"greater than the context length|loaded with context length of only \d+|reached context length of \d+",
    ),
    ("Mistral", r"too large for model with \d+ maximum context length"),
    ("Fireworks", r"prompt is too long: \d+, model maximum context length"),
    ("xAI", r"maximum prompt length is \d+"),
    ("Cohere: docs.cohere.com/reference/errors", r"too many tokens: (?:total number|size limit exceeded|\d)"),
    ("Anthropic, also on Bedrock and Vertex", r"prompt is too long"),
    (
        "Anthropic, also on Bedrock and Vertex",
        r"input length and .{0,3}max_tokens.{0,3} exceed context|exceeds? the context",
    ),
    ("Amazon Bedrock", r"input is too long for (?:the )?requested model|input tokens exceeded"),
    ("Gemini: generativelanguage.googleapis.com", r"input token count.{0,40} exceeds the maximum"),
    ("Vertex AI", r"input token count is [\d,]+ but (?:the )?model only supports up to"),
    ("GitHub Copilot", r"prompt token count of \d+ exceeds the limit of \d+"),
    ("Moonshot", r"exceeded model token limit: \d+"),
    ("MiniMax", r"context window exceeds limit"),
    ("Alibaba Model Studio", r"range of input length should be \[\d+, ?\d+\]"),
    ("z.ai", r"prompt exceeds max length"),
    ("any server that quotes OpenAI's code", r"context[_ ]length[_ ]exceeded"),
)
"""The server, with where its words are found if they are in its source or documentation, and a pattern of its message."""

_TOO_LONG = re.compile("|".join(f"(?:{pattern})" for _, pattern in _MESSAGES), re.IGNORECASE)
_RATE = re.compile(
    r"per[ -](?:min(?:ute)?|hour|day|second)\b|\b[TR]P[MD]\b|rate.?limit|too many requests|quota", re.IGNORECASE
)
_RATE_WORDS: Final = frozenset({"rate_limit_exceeded", "rate_limit_error", "insufficient_quota", "tokens", "requests"})
_OUTPUT_LIMIT = re.compile(
    r"tokens['\"`]? is too large: (\d{1,15})\. This model's maximum context length is (\d{1,15})"
)


def is_context_too_long(kind: str | None, code: str | None, message: str) -> bool:
    """Whether an error with this type, code and message says that the request does not fit into the model's context."""
    head = message[:MESSAGE_CHARS_READ]
    if kind in _RATE_WORDS or code in _RATE_WORDS or _RATE.search(head):
        return False
    if kind in _WORDS or code in _WORDS:
        return True
    output = _OUTPUT_LIMIT.search(head)
    if output is not None and int(output[1]) > int(output[2]):
        return False
    return _TOO_LONG.search(head) is not None
