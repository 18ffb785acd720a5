"""Runs the website's snippets, exactly as printed there, against a server.

Each file in web/snippets is a snippet. The public documentation prints the same text, except for leading blanks. The public address
is replaced by the server's; the key is in the environment, as the documentation says. SDK snippets other than the quickstart use
its `client`.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tests.support.files.uploads import a_pdf
from tests.support.paths import ROOT

PUBLIC_ORIGIN = "https://api.realrouter.org"
GET_WEATHER = "const getWeather = async ({ city }) => ({ city, celsius: 21 });\n"
GET_WEATHER_PYTHON = "def get_weather(city): return {'city': city, 'celsius': 21}\n"
"""The functions that the documentation leaves to its readers."""
PDF_PAGES = 2
SECONDS_MAX = 120
FOLDER = ROOT / "web" / "snippets"
_SDK = ROOT / "tests" / "sdk"
_NODE = ["node", "--input-type=module", "-"]
_PYTHON = [sys.executable, "-"]
_SHELL = ["sh", "-e", "-s"]


class Served(Protocol):
    """A server: a demo or a gateway."""

    @property
    def base_url(self) -> str: ...

    @property
    def key(self) -> str: ...


class Failed(Exception):
    """A snippet ended in an error. The message is its error output."""


def quickstart_python(served: Served) -> str:
    return _run(_PYTHON, snippet("quickstart.py", served), served)


def quickstart_javascript(served: Served) -> str:
    return _run(_NODE, snippet("quickstart.mjs", served), served)


def web_search(served: Served) -> Any:
    """Returns the output items."""
    return javascript(snippet("web_search.mjs", served), served, shows="response.output")


def function_calling(served: Served) -> tuple[Any, str]:
    """Returns the call and the final text."""
    source = GET_WEATHER + snippet("function_calling.mjs", served)
    call, text = javascript(source, served, shows="[call, final.output_text]")
    return call, text


def image_generation(served: Served) -> bytes:
    """Returns the image's bytes."""
    output = javascript(snippet("image_generation.mjs", served), served, shows="response.output")
    [image] = [item for item in output if item["type"] == "image_generation_call"]
    return base64.b64decode(image["result"])


def pdf_summary(served: Served, folder: Path) -> str:
    """Returns the answer about a PDF of PDF_PAGES pages, uploaded by the documentation's command and referenced by its id."""
    write_pdf(folder)
    uploaded = json.loads(shell("upload.sh", served, folder=folder))
    source = snippet("pdf_input.mjs", served)
    assert source.count('file_id: "file-..."') == 1
    source = source.replace("file-...", uploaded["id"])
    return str(javascript(source, served, shows="response.output_text"))


def write_pdf(folder: Path) -> None:
    """Write the file that the documentation uploads."""
    (folder / "document.pdf").write_bytes(a_pdf(PDF_PAGES))


def snippet(name: str, served: Served) -> str:
    source = (FOLDER / name).read_text(encoding="utf-8")
    return source.replace(PUBLIC_ORIGIN, served.base_url.removesuffix("/v1"))


def python(name: str, served: Served, *, folder: Path, before: str = "") -> str:
    """A snippet's output, run after the quickstart's client and `before`."""
    return _run(_PYTHON, f"{_client_python(served)}{before}{snippet(name, served)}", served, folder)


def node(*names: str, served: Served) -> str:
    """The output of consecutive snippets of a page, run after the quickstart's client."""
    return _run(_NODE, _client_node(served) + "".join(snippet(name, served) for name in names), served)


def changed(name: str, served: Served, *, change: tuple[str, str]) -> str:
    """A snippet's output, with one text replaced by another."""
    old, new = change
    source = snippet(name, served)
    assert source.count(old) == 1, name
    source = source.replace(old, new)
    if name.endswith(".py"):
        return _run(_PYTHON, _client_python(served) + source, served)
    return _run(_NODE, _client_node(served) + source, served)


def shell(name: str, served: Served, *, folder: Path = _SDK, names: Mapping[str, str] | None = None) -> str:
    """The output of a snippet's commands. `names`: the variables that readers have to set."""
    return _run(_SHELL, snippet(name, served), served, folder, names)


def javascript(source: str, served: Served, *, shows: str) -> Any:
    """Run a snippet after the quickstart's client; returns the value of the expression `shows`."""
    source = f"{_client_node(served)}{source}"
    return json.loads(_run(_NODE, f"{source}\nconsole.log(JSON.stringify({shows}));\n", served))


def _client_python(served: Served) -> str:
    return snippet("quickstart.py", served).partition("response = ")[0]


def _client_node(served: Served) -> str:
    return snippet("quickstart.mjs", served).partition("const response")[0]


def _run(
    command: list[str], source: str, served: Served, folder: Path = _SDK, names: Mapping[str, str] | None = None
) -> str:
    keys = {"REALROUTER_KEY": served.key, "REALROUTER_API_KEY": served.key, "no_proxy": "*"}
    done = subprocess.run(
        command,
        input=source,
        cwd=folder,
        env={**os.environ, **keys, **(names or {})},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise Failed(done.stderr)
    return done.stdout
