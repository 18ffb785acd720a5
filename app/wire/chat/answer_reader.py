"""Reads a chat upstream's answer into events for a client of another protocol, under the judgement of judge.py."""

from __future__ import annotations

from app.wire.canonical import CanonicalRequest, Target, WebSearchTool
from app.wire.chat.judge import ChatJudge


class ChatAnswerReader(ChatJudge):
    """Reads one answer, streamed or plain. Implements answer.AnswerReader."""

    def __init__(self, request: CanonicalRequest, target: Target) -> None:
        searches = target.searches or any(isinstance(tool, WebSearchTool) for tool in request.tools)
        super().__init__(choices=request.choices, searches=searches, upstream=target.upstream)
