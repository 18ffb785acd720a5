"""The public documentation's snippets, exactly as printed there, run against `realrouter demo`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.docs import snippets
from tests.support.gateway.demo_process import Demo, demo, free_port


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo"), free_port()) as running:
        yield running


def test_both_quickstarts_get_the_same_answer(served: Demo) -> None:
    answer = snippets.quickstart_python(served)
    assert answer.strip()
    assert snippets.quickstart_javascript(served) == answer


def test_web_search(served: Demo) -> None:
    search, message = snippets.web_search(served)
    assert (search["type"], message["type"]) == ("web_search_call", "message")
    assert message["content"][0]["annotations"]


def test_function_calling(served: Demo) -> None:
    call, text = snippets.function_calling(served)
    assert json.loads(call["arguments"]) == {"city": "Toronto"}
    assert text


def test_image_generation(served: Demo) -> None:
    assert snippets.image_generation(served).startswith(b"\x89PNG\r\n\x1a\n")


def test_a_pdf_is_uploaded_and_summarized(served: Demo, tmp_path: Path) -> None:
    assert "2 pages" in snippets.pdf_summary(served, tmp_path)


def test_each_request_prints_a_line_with_its_hold_its_charge_and_the_balance(served: Demo) -> None:
    before = len(served.lines)
    snippets.quickstart_python(served)
    line = served.wait_for_lines(before + 1)[-1]
    assert line.startswith("gpt-5.4-mini ")
    assert " in " in line
    assert " out · held $" in line
    assert " -> charged $0.0" in line
    assert " -> balance $9." in line
