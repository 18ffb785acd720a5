"""Hypothesis strategies for canonical requests that Responses can represent exactly: written and read back, they are the same."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import strategies as st

from app.wire.canonical import (
    CanonicalRequest,
    CustomCall,
    CustomCallOutput,
    CustomTool,
    File,
    FunctionCall,
    FunctionCallOutput,
    FunctionTool,
    Hints,
    Image,
    ImageGenerationCall,
    ImageTool,
    Message,
    Place,
    Reasoning,
    Refusal,
    Text,
    TextFormat,
    ToolChoice,
    ToolName,
    WebSearchCall,
    WebSearchTool,
)
from app.wire.tags import seal

words = st.text(max_size=8)
names = st.text("abc_-1", min_size=1, max_size=8)
data = st.sampled_from(["QQ==", "QUI=", "QUJD"])
urls = st.sampled_from(["https://a.org/x", "https://b.org/y.pdf"])
schemas = st.dictionaries(names, st.one_of(words, st.integers(-9, 9), st.lists(words, max_size=2)), max_size=3)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def tuples(strategy: st.SearchStrategy[Any], most: int = 3, least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


details = maybe(st.sampled_from(["low", "high", "auto", "original"]))
texts = st.builds(Text, words)
images = st.builds(Image, url=urls, detail=details) | st.builds(
    Image, data=data, media_type=st.sampled_from(["image/png", "image/jpeg"]), detail=details
)
files = st.builds(File, url=urls, filename=maybe(names)) | st.builds(
    File, data=data, media_type=st.sampled_from(["application/pdf", "text/plain"]), filename=names
)
parts = tuples(texts | images | files)
said = tuples(texts | st.builds(Refusal, words))
levels = st.sampled_from(["low", "medium", "high"])
items = st.one_of(
    st.builds(Message, st.sampled_from(["system", "developer", "user"]), parts),
    st.builds(Message, st.just("assistant"), said),
    st.builds(FunctionCall, names, names, words),
    st.builds(FunctionCallOutput, names, parts),
    st.builds(CustomCall, names, names, words),
    st.builds(CustomCallOutput, names, parts),
    st.builds(Reasoning, tuples(words), tuples(words), names.map(partial(seal, "up"))),
    st.builds(WebSearchCall, names, tuples(names)),
    st.builds(ImageGenerationCall, names, data, st.sampled_from(["image/png", "image/webp"])),
)
formats = st.sampled_from([{"type": "text"}, {"type": "grammar", "syntax": "regex", "definition": ".+"}])
places = st.builds(Place, maybe(words), maybe(words), maybe(words), maybe(words))
options = st.fixed_dictionaries(
    {}, optional={"quality": levels, "size": st.just("1024x1024"), "partial_images": st.integers(0, 3)}
)
tools = st.one_of(
    st.builds(FunctionTool, names, maybe(words), maybe(schemas), maybe(st.booleans())),
    st.builds(CustomTool, names, maybe(words), maybe(formats)),
    st.builds(WebSearchTool, maybe(levels), maybe(places), tuples(names), maybe(st.booleans())),
    st.builds(ImageTool, options),
)
text_formats = st.one_of(
    st.sampled_from([TextFormat("text"), TextFormat("json_object")]),
    st.builds(TextFormat, st.just("json_schema"), names, maybe(words), schemas, maybe(st.booleans())),
)
hints = st.builds(
    Hints, maybe(st.dictionaries(names, words, max_size=3)), maybe(words), maybe(words), maybe(words), maybe(words)
)


def chosen(known: tuple[Any, ...]) -> st.SearchStrategy[ToolChoice | None]:
    """A choice among the tools that there are."""
    kinds: dict[type, str] = {
        FunctionTool: "function",
        CustomTool: "custom",
        WebSearchTool: "web_search",
        ImageTool: "image_generation",
    }
    plain = st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"]))
    if not known:
        return maybe(plain)
    found = [ToolName(kinds[type(tool)], getattr(tool, "name", None)) for tool in known]
    some = tuples(st.sampled_from(found), least=1)
    return maybe(plain | st.builds(ToolChoice, st.sampled_from(["auto", "required"]), some))


@st.composite
def any_requests(draw: st.DrawFn) -> CanonicalRequest:
    """Of a client of /v1/responses; a model of OpenAI could take it as it is."""
    known = draw(tuples(tools))
    return CanonicalRequest(
        endpoint="responses",
        model="gpt-5.4-mini",
        items=draw(tuples(items, 4, least=1)),
        stream=draw(st.booleans()),
        instructions=draw(maybe(words)),
        tools=known,
        tool_choice=draw(chosen(known)),
        parallel_tool_calls=draw(maybe(st.booleans())),
        max_output_tokens=draw(st.integers(1, 1000)),
        max_tool_calls=draw(maybe(st.integers(1, 9))),
        temperature=draw(maybe(st.floats(0, 2))),
        top_p=draw(maybe(st.floats(0, 1))),
        logprobs=draw(maybe(st.integers(0, 20))),
        effort=draw(maybe(st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh"]))),
        summary=draw(maybe(st.sampled_from(["auto", "concise", "detailed"]))),
        format=draw(maybe(text_formats)),
        verbosity=draw(maybe(levels)),
        service_tier=draw(maybe(st.sampled_from(["auto", "default"]))),
        hints=draw(hints),
    )
