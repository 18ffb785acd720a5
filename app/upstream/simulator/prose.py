"""The simulator's sentences: short, true of the request, and always the same for the same request."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from app.upstream.simulator import tokens
from app.upstream.simulator.request import Document, SimulatedRequest, ToolResult

QUOTE_CHARS_MAX = 160
RESULT_FACTS_MAX = 12

_LANGUAGES = {
    "chinese": "以下是摘要:您写道“{prompt}”。这是 {model} 的模拟回答,用来检验您的集成。",
    "french": "Voici le résumé : vous avez écrit « {prompt} ». Réponse simulée de {model}, pour vérifier votre intégration.",
    "german": "Zusammenfassung: Sie schrieben „{prompt}“. Simulierte Antwort von {model} zum Prüfen Ihrer Anbindung.",
    "italian": "Ecco il riassunto: hai scritto «{prompt}». Risposta simulata di {model}, per provare l'integrazione.",
    "japanese": "要約:「{prompt}」と書かれています。これは {model} の模擬応答で、接続の確認に使えます。",
    "korean": '요약: "{prompt}"라고 쓰셨습니다. 이것은 연동을 확인하기 위한 {model}의 모의 응답입니다.',
    "portuguese": "Resumo: você escreveu “{prompt}”. Resposta simulada de {model}, para verificar a sua integração.",
    "spanish": "Resumen: usted escribió «{prompt}». Respuesta simulada de {model}, para comprobar su integración.",
}
_LANGUAGE = re.compile(rf"\b(?:in|into|to)\s+(?:\w+\s+)?({'|'.join(_LANGUAGES)})\b", re.IGNORECASE)
_FILLER = (
    "The simulator writes on until it has as many tokens as were asked for.",
    "Each sentence is plain, and the order of the sentences never changes.",
    "What is counted in the usage is what was written here.",
)


def reply(request: SimulatedRequest, choice: int) -> str:
    """The text of an answer. Choices after the first say which one they are."""
    content = request.content
    prompt = quote(content.prompt)
    language = _LANGUAGE.search(content.prompt)
    if language:
        text = _LANGUAGES[language[1].lower()].format(prompt=prompt, model=request.model)
    elif content.results:
        text = " ".join([*map(_result, content.results), f"That answers “{prompt}”."])
    elif prompt:
        text = f"You wrote “{prompt}”. This is a simulated answer from {request.model}, to try an integration with."
    else:
        text = f"This is a simulated answer from {request.model}, to try an integration with."
    parts = [*map(_document, content.documents), *_images(content.images), text]
    if choice:
        parts.append(f"This is choice {choice + 1}.")
    return " ".join(parts)


def quote(text: str) -> str:
    """The text on one line, shortened if necessary."""
    line = " ".join(text[: 4 * QUOTE_CHARS_MAX].split())
    return line if len(line) <= QUOTE_CHARS_MAX else line[:QUOTE_CHARS_MAX].rstrip() + "…"


def exactly(text: str, tokens_wanted: int) -> str:
    """The text cut or extended to exactly `tokens_wanted` tokens."""
    short = tokens_wanted - tokens.count(text)
    if short <= 0:
        return tokens.cut(text, tokens_wanted)
    filler = " " + " ".join(_FILLER)
    return tokens.cut(text + filler * (short // tokens.count(filler) + 2), tokens_wanted)


def refusal(request: SimulatedRequest) -> str:
    return f"I'm sorry, but {request.model} cannot help with “{quote(request.content.prompt)}”."


def thought(request: SimulatedRequest) -> str:
    return f"Reading “{quote(request.content.prompt)}” and choosing what to answer."


def picture(prompt: str) -> str:
    return f"Here is the image for “{quote(prompt)}”."


def _document(document: Document) -> str:
    if document.pages is not None:
        pages = "1 page" if document.pages == 1 else f"{document.pages} pages"
        return f"The document {document.filename} has {pages}."
    if document.pdf:
        return f"The document {document.filename} is a PDF whose pages cannot be counted."
    if document.bytes is None:
        return f"The file {document.filename} was given by its address and not fetched."
    return f"The file {document.filename} has {document.bytes} bytes."


def _images(number: int) -> list[str]:
    if not number:
        return []
    return ["Your message has 1 image." if number == 1 else f"Your message has {number} images."]


def _result(result: ToolResult) -> str:
    """A tool's result as a sentence: the facts of a JSON object, otherwise the text itself."""
    try:
        value: Any = msgspec.json.decode(result.output)
    except (msgspec.DecodeError, RecursionError):
        value = result.output
    if not isinstance(value, dict) or not value:
        return f"{result.name} says: {quote(value if isinstance(value, str) else result.output)}."
    facts = [f"{key} is {_fact(each)}" for key, each in list(value.items())[:RESULT_FACTS_MAX]]
    return f"{result.name} says: {', '.join(facts)}."


def _fact(value: Any) -> str:
    return quote(value if isinstance(value, str) else msgspec.json.encode(value).decode())
