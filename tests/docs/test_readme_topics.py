"""README.md's second example, which continues the first: it runs against a demo, and each answer is of the right kind."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pypdf import PdfWriter

from tests.support.docs.documents import Document
from tests.support.gateway.demo_process import demo, free_port

README = Document("README.md")
SHOWN = """
import json
print(json.dumps({
    "summary": summary.output_text,
    "found": [item.type for item in found.output],
    "drawn": [item.type for item in drawn.output],
    "asked": [item.name for item in asked.output if item.type == "function_call"],
    "typed": json.loads(typed.output_text),
    "stream": "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices),
}))
"""


def test_each_topic_of_the_readme_runs_as_printed(tmp_path: Path) -> None:
    [first], [further] = README.fences("python"), README.fences("py")
    writer, written = PdfWriter(), io.BytesIO()
    for _ in range(2):
        writer.add_blank_page(width=72, height=72)
    writer.write(written)
    (tmp_path / "paper.pdf").write_bytes(written.getvalue())
    with demo(tmp_path / "demo", free_port()) as served:
        source = first.replace("sk-rr-...", served.key).replace("http://127.0.0.1:8000/v1", served.base_url)
        done = subprocess.run(
            [sys.executable, "-"],
            input=source + further + SHOWN,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert "2 pages" in printed["summary"]
    assert printed["found"] == ["web_search_call", "message"]
    assert "image_generation_call" in printed["drawn"]
    assert printed["asked"] == ["weather"]
    assert isinstance(printed["typed"]["city"], str)
    assert printed["stream"]
