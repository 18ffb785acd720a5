"""Assembles a whole message from the deltas of its stream, so that a plain answer has the same content as the stream."""

from __future__ import annotations

from typing import Any

_TEXTS = ("content", "refusal", "reasoning_content")
_LISTS = ("annotations", "images")
_ARGUMENTS = {"function": "arguments", "custom": "input"}


class MessageBuilder:
    """Builds one choice of a plain answer."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[dict[str, Any]]] = {"annotations": []}
        self._calls: list[dict[str, Any]] = []
        self._arguments: list[list[str]] = []
        self._function: dict[str, Any] | None = None
        self._logprobs: list[dict[str, Any]] = []
        self._finish: str | None = None

    def add(self, delta: dict[str, Any], logprobs: tuple[dict[str, Any], ...], finish: str | None) -> None:
        for name in _TEXTS:
            if text := delta.get(name):
                self._texts.setdefault(name, []).append(text)
        for name in _LISTS:
            if name in delta:
                self._lists[name] = delta[name]
        for call in delta.get("tool_calls", ()):
            self._add_call(call)
        if "function_call" in delta:
            self._add_function(delta["function_call"])
        self._logprobs.extend(logprobs)
        self._finish = finish or self._finish

    def choice(self, index: int) -> dict[str, Any]:
        logprobs = {"content": self._logprobs, "refusal": None} if self._logprobs else None
        return {"index": index, "message": self._message(), "logprobs": logprobs, "finish_reason": self._finish}

    def _message(self) -> dict[str, Any]:
        """Content is null if there is a call or a refusal instead; otherwise it is at least the empty text."""
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        calls = self._whole_calls()
        instead = calls or self._function or "refusal" in texts
        message: dict[str, Any] = {
            "role": "assistant",
            "content": texts.pop("content", None if instead else ""),
            "refusal": texts.pop("refusal", None),
            **texts,
            **self._lists,
        }
        if calls:
            message["tool_calls"] = calls
        if self._function is not None:
            message["function_call"] = self._function | {"arguments": "".join(self._arguments[0])}
        return message

    def _add_call(self, call: dict[str, Any]) -> None:
        """Calls begin in the order of their indices; their arguments may be interleaved."""
        if call["index"] == len(self._calls):
            self._calls.append({name: value for name, value in call.items() if name != "index"})
            self._arguments.append([])
        kind = "custom" if "custom" in call else "function"
        self._arguments[call["index"]].append(call[kind][_ARGUMENTS[kind]])

    def _add_function(self, call: dict[str, Any]) -> None:
        if self._function is None:
            self._function = call
            self._arguments.append([])
        self._arguments[0].append(call["arguments"])

    def _whole_calls(self) -> list[dict[str, Any]]:
        whole = []
        for call, pieces in zip(self._calls, self._arguments, strict=False):
            kind = call["type"]
            whole.append(call | {kind: call[kind] | {_ARGUMENTS[kind]: "".join(pieces)}})
        return whole
