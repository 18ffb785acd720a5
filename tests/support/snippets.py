"""The public documentation's snippets, run as they are printed there, against whoever serves.

Each file in tests/docs is a snippet, equal to the documentation but for blanks at the start of its lines. What runs is the file
with the server's base URL in place of the public one; the key is in the environment, as the documentation says. Snippets that
begin after the quickstart use its `client`.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

from tests.support.documents import ROOT
from tests.support.uploads import a_pdf

PUBLIC_URL = "https://api.realrouter.org/v1"
GET_WEATHER = "const getWeather = async ({ city }) => ({ city, celsius: 21 });\n"
"""What the documentation leaves to its reader."""
PDF_PAGES = 2
SECONDS_MAX = 60
_DOCS = ROOT / "tests" / "docs"
_SDK = ROOT / "tests" / "sdk"
_NODE = ["node", "--input-type=module", "-"]


class Served(Protocol):
    """Something that serves: a demo, a gateway."""

    @property
    def base_url(self) -> str: ...

    @property
    def key(self) -> str: ...


class Failed(Exception):
    """A snippet that ended in an error. The message is what it printed there."""


def quickstart_python(served: Served) -> str:
    return _run([sys.executable, "-"], snippet("quickstart.py.txt", served), served)


def quickstart_javascript(served: Served) -> str:
    return _run(_NODE, snippet("quickstart.mjs", served), served)


def web_search(served: Served) -> Any:
    """The output items."""
    return javascript(snippet("web_search.mjs", served), served, shows="response.output")


def function_calling(served: Served) -> tuple[Any, str]:
    """The call, and the final text."""
    source = GET_WEATHER + snippet("function_calling.mjs", served)
    call, text = javascript(source, served, shows="[call, final.output_text]")
    return call, text


def image_generation(served: Served) -> bytes:
    """The image."""
    output = javascript(snippet("image_generation.mjs", served), served, shows="response.output")
    [image] = [item for item in output if item["type"] == "image_generation_call"]
    return base64.b64decode(image["result"])


def pdf_summary(served: Served, folder: Path) -> str:
    """What is said of a PDF of PDF_PAGES pages, uploaded by the documentation's command and named by its id."""
    (folder / "document.pdf").write_bytes(a_pdf(PDF_PAGES))
    uploaded = json.loads(_run(["sh", "-e", "-s"], snippet("upload.sh", served), served, folder))
    source = snippet("pdf_input.mjs", served)
    assert source.count('file_id: "file-..."') == 1
    source = source.replace("file-...", uploaded["id"])
    return str(javascript(source, served, shows="response.output_text"))


def snippet(name: str, served: Served) -> str:
    return (_DOCS / name).read_text(encoding="utf-8").replace(PUBLIC_URL, served.base_url)


def javascript(source: str, served: Served, *, shows: str) -> Any:
    """Run a snippet after the quickstart's client; the value that `shows` names, as JSON."""
    client = snippet("quickstart.mjs", served).partition("const response")[0]
    return json.loads(_run(_NODE, f"{client}{source}\nconsole.log(JSON.stringify({shows}));\n", served))


def _run(command: list[str], source: str, served: Served, folder: Path = _SDK) -> str:
    done = subprocess.run(
        command,
        input=source,
        cwd=folder,
        env={**os.environ, "REALROUTER_KEY": served.key, "REALROUTER_API_KEY": served.key, "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise Failed(done.stderr)
    return done.stdout
