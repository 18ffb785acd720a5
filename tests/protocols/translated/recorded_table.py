"""Recorded answers of vendors, if present, and what they contain. The values were read off the recordings by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.usage import CallCount, ImageCount, Usage
from tests.protocols.translated.expected import ANY, Call, Fault


@dataclass(frozen=True, slots=True)
class Long:
    """A text that is too long for the table: its length in code points, its start and its end."""

    length: int
    begins: str
    ends: str

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return NotImplemented
        return len(other) == self.length and other.startswith(self.begins) and other.endswith(self.ends)

    def __hash__(self) -> int:
        return hash((self.length, self.begins, self.ends))


@dataclass(frozen=True, slots=True)
class Recorded:
    """`spans` are the places that citations name; `seals` and `images` the ends of what is sealed and drawn."""

    text: str | Long = ""
    thought: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    finish: str = "stop"
    usage: Usage | None = None
    spans: tuple[tuple[int, int], ...] = ()
    searches: int = 0
    queries: tuple[str, ...] = ()
    seals: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    previews: int = 0
    fault: Fault | None = None


STRAWBERRY: Final = 'There are **3** "r"s in strawberry.\n\nHere is the breakdown: st**r**awbe**rr**y.'
QUOTA: Final = Fault(malformed=False, type="insufficient_quota", code="insufficient_quota")
SAN_FRANCISCO: Final = Call(ANY, "weather", '{"location": "San Francisco"}')
SQL: Final = Call("call_custom_sql_001", "write_sql", "SELECT * FROM users WHERE age > 25", kind="custom")
CALCULATING: Final = (
    "**Calculating step-by-step using calculator**\n\nI'll compute 12 plus 7, then multiply the result by 3, "
    "and finally multiply that by 10, reporting the final product."
)
REPORTING: Final = (
    "**Reporting final result**\n\nThe tool returned 570, and now I need to report this final result. The user asked for a "
    "clear breakdown, so I'll include the steps taken: first, I added 12 and 7 to get 19; then, I multiplied 19 by 3 for 57; "
    'finally, I multiplied 57 by 10 to arrive at 570. I want to keep it concise, so I\'ll simply say, "Final result: 570," '
    "without heavy formatting. Let's finalize that!"
)
CONDITIONS: Final = (
    '{"elements": [{"location": "San Francisco", "temperature": -5, "condition": "snowy"},'
    '{"location": "London", "temperature": 0, "condition": "snowy"},'
    '{"location": "Paris", "temperature": 23, "condition": "cloudy"},'
    '{"location": "Berlin", "temperature": -9, "condition": "snowy"}]}'
)

RECORDED: Final[dict[str, Recorded]] = {
    "anthropic/anthropic-json-tool.1.chunks.txt": Recorded(
        calls=(
            Call(
                "call_01KFbKqPYSuAKujiL6mTfzYA",
                "json",
                '{"elements": [{"location": "San Francisco", "temperature": 58, "condition": "sunny"}]}',
            ),
        ),
        finish="tool_calls",
        usage=Usage(input=849, output=47),
    ),
    "anthropic/anthropic-json-tool.1.json": Recorded(
        calls=(Call("call_01Q9ExVZnzZj7E2QQYHYtNUa", "json", CONDITIONS),),
        finish="tool_calls",
        usage=Usage(input=1151, output=87),
    ),
    "anthropic/anthropic-refusal.chunks.txt": Recorded(finish="content_filter", usage=Usage(input=18, output=5)),
    "anthropic/anthropic-refusal.json": Recorded(finish="content_filter", usage=Usage(input=18, output=5)),
    "anthropic/anthropic-text.chunks.txt": Recorded(
        "Hello! I'm doing well, thank you for asking. How are you doing today? Is there anything I can help you with?",
        usage=Usage(input=12, output=30),
    ),
    "anthropic/anthropic-text.json": Recorded(
        "Hello! I'm doing well, thanks for asking. How are you doing today? Is there anything I can help you with?",
        usage=Usage(input=12, output=29),
    ),
    "anthropic/anthropic-tool-no-args.chunks.txt": Recorded(
        "I'll update the issue list for you.",
        calls=(Call("call_01QE1WLsSVp5hy5Q3GmGTmjP", "updateIssueList", "{}"),),
        finish="tool_calls",
        usage=Usage(input=565, output=48),
    ),
    "anthropic/anthropic-tool-no-args.json": Recorded(
        Long(255, "<thinking>\nThe updateIssueList tool", "I will update the current issue list:"),
        calls=(Call("call_01LRmxn9vGM1d2DZSDBowdZ1", "updateIssueList", "{}"),),
        finish="tool_calls",
        usage=Usage(input=602, output=93),
    ),
    # 2,037 input tokens at the start become 15,665 at the end. What one block quotes of one page several times is one citation.
    "anthropic/anthropic-web-search-tool.1.chunks.txt": Recorded(
        Long(2402, "Based on my search results, here are", "since their first international retail expansion."),
        usage=Usage(input=15665, output=795, web_search_calls=1),
        spans=(
            (116, 375),
            (376, 601),
            (635, 913),
            (915, 1254),
            (1308, 1531),
            (1559, 1741),
            (1744, 1834),
            (1837, 1998),
            (2022, 2182),
        ),
        searches=1,
        queries=("tech news today September 26 2025",),
    ),
    "anthropic/anthropic-web-search-tool.1.json": Recorded(
        Long(1874, "Let me search for more specific tech news", "breaking stories from September 26, 2024."),
        usage=Usage(input=27118, output=600, web_search_calls=2),
        spans=((237, 431), (687, 943), (947, 1338)),
        searches=2,
        queries=("tech news today September 26 2024", '"September 26 2024" tech news breaking'),
    ),
    "chat/azure-model-router.1.chunks.txt": Recorded(
        "Capital of Denmark.", usage=Usage(input=15, output=78, reasoning=64)
    ),
    "chat/openai-text.chunks.txt": Recorded(
        Long(1724, "**Holiday Name:** Harmony Day", "shared human experiences and mutual respect."),
        usage=Usage(input=16, output=300, service_tier="default"),
    ),
    "chat/openai-text.json": Recorded(
        Long(1842, "**Holiday Name:** Galaxy Day", "to look up and dream beyond our world."),
        usage=Usage(input=16, output=363, service_tier="default"),
    ),
    "gemini/google-429-retry-info.json": Recorded(
        fault=Fault(malformed=False, type="rate_limit_error", code="rate_limit_exceeded")
    ),
    "gemini/google-reasoning.chunks.txt": Recorded(
        STRAWBERRY, usage=Usage(input=9, output=285, reasoning=256), seals=("w5xogUmwAj/uUJKN",)
    ),
    "gemini/google-reasoning.json": Recorded(
        STRAWBERRY, usage=Usage(input=9, output=311, reasoning=282), seals=("kdRKCCVVn/cqmSjH",)
    ),
    "gemini/google-text.chunks.txt": Recorded(
        'There are **3** "r"s in strawberry.\n\nst**r**awbe**rr**y',
        usage=Usage(input=9, output=208, reasoning=185),
        seals=("ew3FwAG37eeWcow=",),
    ),
    "gemini/google-text.json": Recorded(
        "There are **3** r's in strawberry.\n\nHere is the breakdown: st**r**awbe**rr**y.",
        usage=Usage(input=9, output=272, reasoning=244),
        seals=("gqbBrV45fc97olcg",),
    ),
    "gemini/google-tool-call.chunks.txt": Recorded(
        calls=(SAN_FRANCISCO,),
        finish="tool_calls",
        usage=Usage(input=29, output=60, reasoning=45),
        seals=("bPG5JUtm2yAMkHj4=",),
    ),
    "gemini/google-tool-call.json": Recorded(
        calls=(SAN_FRANCISCO,),
        finish="tool_calls",
        usage=Usage(input=29, output=908, reasoning=893),
        seals=("cvfaEyBahEt5",),
    ),
    "responses/openai-custom-tool.1.chunks.txt": Recorded(
        calls=(SQL,), finish="tool_calls", usage=Usage(input=50, output=20, calls=(CallCount("custom", 1),))
    ),
    "responses/openai-custom-tool.1.json": Recorded(
        calls=(SQL,), finish="tool_calls", usage=Usage(input=50, output=20, calls=(CallCount("custom", 1),))
    ),
    "responses/openai-error.1.chunks.txt": Recorded(fault=QUOTA),
    "responses/openai-error.1.json": Recorded(fault=QUOTA),
    "responses/openai-image-generation-tool.1.chunks.txt": Recorded(
        usage=Usage(
            1021, 1920, output=1249, reasoning=1024, images=(ImageCount("low", "1536x1024", 1),), service_tier="default"
        ),
        images=("UklGRuIWGQBXRUJQVlA4TKAwGAAv/8",),
        previews=1,
    ),
    "responses/openai-image-generation-tool.1.json": Recorded(
        usage=Usage(
            3151, output=1970, reasoning=1920, images=(ImageCount("low", "1024x1024", 1),), service_tier="default"
        ),
        images=("UklGRoitEQBXRUJQVlA4TEGzEAAv/8P",),
    ),
    "responses/openai-pdf-input-file.1.chunks.txt": Recorded(
        "Dummy PDF file", usage=Usage(input=44, output=4, service_tier="default")
    ),
    "responses/openai-pdf-input-file.1.json": Recorded(
        "Dummy PDF file", usage=Usage(input=44, output=4, service_tier="default")
    ),
    # Four answers in one file: the first is the answer, what follows its end is none of it. Its last event seals the reasoning
    # anew: the seal of the item that was done is the one that OpenAI says to give back.
    "responses/openai-reasoning-encrypted-content.1.chunks.txt": Recorded(
        thought=(CALCULATING,),
        calls=(Call("call_AB6AaRZ1FYZB2RwS6A5vbdqn", "calculator", '{"a":12,"b":7,"op":"add"}'),),
        finish="tool_calls",
        usage=Usage(input=134, output=28, service_tier="default"),
        seals=("_8XMnObfNxat0wz4uQ==",),
    ),
    "responses/openai-reasoning-encrypted-content.1.json": Recorded(
        "12 + 7 = 19\n19 \u00d7 3 = 57\n57 \u00d7 10 = 570\n\nFinal result: 570",
        thought=(REPORTING,),
        usage=Usage(input=865, output=163, reasoning=128, service_tier="default"),
        seals=("MC7eJRZj1LtUqh2kCQ==",),
    ),
    # Two searches, one page opened, three looked through.
    "responses/openai-web-search-tool.1.chunks.txt": Recorded(
        Long(3645, "I checked today\u2019s tech headlines", "and pull out more details now?"),
        usage=Usage(27361, 3712, output=4416, reasoning=3712, web_search_calls=2, service_tier="default"),
        spans=(
            (277, 411),
            (497, 635),
            (746, 910),
            (1009, 1149),
            (1216, 1305),
            (1472, 1606),
            (1713, 1851),
            (1975, 2139),
            (2257, 2397),
            (2501, 2590),
            (2695, 2844),
            (3309, 3427),
        ),
        searches=6,
        queries=("tech news today December 5 2025", 'site:theverge.com "December 5, 2025" "technology"'),
    ),
    "responses/openai-web-search-tool.1.json": Recorded(
        Long(3042, "Short answer first \u2014 yes.", "on today\u2019s tech pages?"),
        usage=Usage(15969, 3712, output=3773, reasoning=3136, web_search_calls=1, service_tier="default"),
        spans=(
            (426, 517),
            (647, 778),
            (907, 1047),
            (1295, 1343),
            (1489, 1594),
            (1835, 1926),
            (2009, 2080),
            (2210, 2341),
            (2502, 2635),
            (2774, 2822),
        ),
        searches=3,
        queries=("tech news today December 5 2025",),
    ),
}
