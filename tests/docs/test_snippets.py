"""The public documentation's snippets, as they are printed there, against `realrouter demo`.

Each file beside this one is a snippet, equal to the documentation but for blanks at the start of its lines. What runs is
the file with the demo's base URL in place of the public one; the key is in the environment, as the documentation says.
Snippets that begin after the quickstart use its `client`.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from tests.support.demo_process import Demo, demo, free_port

HERE = Path(__file__).parent
SDK = HERE.parent / "sdk"
PUBLIC_URL = "https://api.realrouter.org/v1"
GET_WEATHER = "const getWeather = async ({ city }) => ({ city, celsius: 21 });\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo"), free_port()) as running:
        yield running


def snippet(name: str, served: Demo) -> str:
    return (HERE / name).read_text(encoding="utf-8").replace(PUBLIC_URL, served.base_url)


def run(command: list[str], source: str, served: Demo) -> str:
    done = subprocess.run(
        command,
        input=source,
        cwd=SDK,
        env={**os.environ, "REALROUTER_KEY": served.key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def javascript(source: str, served: Demo, *, shows: str) -> Any:
    """Run a snippet after the quickstart's client; the value that `shows` names, as JSON."""
    client = snippet("quickstart.mjs", served).partition("const response")[0]
    whole = f"{client}{source}\nconsole.log(JSON.stringify({shows}));\n"
    return json.loads(run(["node", "--input-type=module", "-"], whole, served))


def test_the_quickstart_in_python(served: Demo) -> None:
    assert run([sys.executable, "-"], snippet("quickstart.py.txt", served), served).strip()


def test_the_quickstart_in_javascript(served: Demo) -> None:
    assert run(["node", "--input-type=module", "-"], snippet("quickstart.mjs", served), served).strip()


def test_both_quickstarts_get_the_same_answer(served: Demo) -> None:
    python = run([sys.executable, "-"], snippet("quickstart.py.txt", served), served)
    assert python == run(["node", "--input-type=module", "-"], snippet("quickstart.mjs", served), served)


def test_web_search(served: Demo) -> None:
    output = javascript(snippet("web_search.mjs", served), served, shows="response.output")
    assert [item["type"] for item in output] == ["web_search_call", "message"]
    assert output[1]["content"][0]["annotations"]


def test_function_calling(served: Demo) -> None:
    source = GET_WEATHER + snippet("function_calling.mjs", served)
    call, text = javascript(source, served, shows="[call, final.output_text]")
    assert json.loads(call["arguments"]) == {"city": "Toronto"}
    assert text


def test_image_generation(served: Demo) -> None:
    output = javascript(snippet("image_generation.mjs", served), served, shows="response.output")
    [image] = [item for item in output if item["type"] == "image_generation_call"]
    assert base64.b64decode(image["result"]).startswith(b"\x89PNG\r\n\x1a\n")


def test_a_pdf_with_its_content_inline(served: Demo) -> None:
    """The documentation refers to an uploaded file; here the same content is in the request."""
    writer = PdfWriter()
    for _ in range(2):
        writer.add_blank_page(width=72, height=72)
    written = io.BytesIO()
    writer.write(written)
    inline = "data:application/pdf;base64," + base64.b64encode(written.getvalue()).decode()
    source = snippet("pdf_input.mjs", served)
    assert source.count('file_id: "file-..."') == 1
    source = source.replace('file_id: "file-..."', f'filename: "document.pdf", file_data: "{inline}"')
    assert "2 pages" in javascript(source, served, shows="response.output_text")


def test_each_request_prints_a_line_with_its_hold_its_charge_and_the_balance(served: Demo) -> None:
    before = len(served.lines)
    run([sys.executable, "-"], snippet("quickstart.py.txt", served), served)
    line = served.wait_for_lines(before + 1)[-1]
    assert line.startswith("gpt-5.4-mini ")
    assert " in " in line
    assert " out · held $" in line
    assert " -> charged $0.0" in line
    assert " -> balance $9." in line
