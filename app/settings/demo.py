"""The configuration that `realrouter demo` writes: everything on one machine, without provider keys or network access."""

from __future__ import annotations

import json
import os
from pathlib import Path

_HEAD = """\
# Written by `realrouter demo`. Every setting is explained in realrouter.example.toml.
[server]
bind = ["127.0.0.1:{port}"]
public_url = "http://127.0.0.1:{port}"
signup = true

[store]
url = {store}

[files]
url = {files}

[[upstream]]
name = "simulator"
protocol = "simulator"
pace = 0.02

[stripe]
simulator = true

[[pack]]
id = "starter"
name = "Starter"
price = "10.00"
credit = "10.00"

[[pack]]
id = "plus"
name = "Plus"
price = "50.00"
credit = "55.00"
"""

_MODEL = """
[[model]]
id = "{id}"
upstreams = ["simulator"]
endpoints = {endpoints}
tools = ["function", "web_search", "image_generation"]
input = ["text", "image", "file"]
output = ["text", "image"]
context_window = {context_window}
max_output_tokens = {max_output_tokens}

[model.price]
input = "{input}"
cached_input = "{cached_input}"
output = "{output}"
web_search_call = "0.01"
image = "0.04"
"""

_BOTH = '["responses", "chat"]'
_MODELS: tuple[dict[str, str | int], ...] = (
    {
        "id": "gpt-5.4-mini",
        "endpoints": _BOTH,
        "context_window": 400_000,
        "max_output_tokens": 128_000,
        "input": "0.25",
        "cached_input": "0.025",
        "output": "2.00",
    },
    {
        "id": "gpt-5.3-codex-spark",
        "endpoints": '["responses"]',
        "context_window": 128_000,
        "max_output_tokens": 32_000,
        "input": "1.75",
        "cached_input": "0.175",
        "output": "14.00",
    },
    {
        "id": "gpt-5.4",
        "endpoints": _BOTH,
        "context_window": 400_000,
        "max_output_tokens": 128_000,
        "input": "2.50",
        "cached_input": "0.25",
        "output": "15.00",
    },
    {
        "id": "gpt-5.5",
        "endpoints": _BOTH,
        "context_window": 400_000,
        "max_output_tokens": 128_000,
        "input": "5.00",
        "cached_input": "0.50",
        "output": "30.00",
    },
)


_LOG = """
[log]
origin = {origin}
key = {key}
"""


def demo_config(data_dir: str | os.PathLike[str], port: int, *, log_origin: str | None = None) -> str:
    """The text of the demo's `realrouter.toml`: SQLite and files in `data_dir`, the simulator, and the documented models. With
    `log_origin`, the log is sealed with the key in `log.key`."""
    root = Path(data_dir).absolute()
    head = _HEAD.format(
        port=port,
        store=_quoted(f"sqlite:///{root / 'realrouter.db'}"),
        files=_quoted(f"file:///{root / 'files'}"),
    )
    log = "" if log_origin is None else _LOG.format(origin=_quoted(log_origin), key=_quoted(f"file:{root / 'log.key'}"))
    return head + log + "".join(_MODEL.format(**model) for model in _MODELS)


def _quoted(text: str) -> str:
    """A TOML basic string. JSON's escapes are valid TOML; DEL is the only character that TOML also requires to be escaped."""
    return json.dumps(text).replace("\x7f", "\\u007f")
