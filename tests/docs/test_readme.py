"""README.md is correct: its example runs and prints its line, its commands run in order, and everything it names exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli import main
from app.telemetry.logs import demo_line
from app.upstream.simulator.directives import Directives, parse
from domain.money import parse_usd
from tests.support.docs.documents import Document, check_names, command_of, spans
from tests.support.gateway.demo_process import Demo, demo, free_port
from tests.support.paths import ROOT

README = Document("README.md")
[EXAMPLE] = README.fences("python")
[LINE] = [line for block in README.fences("") for line in block.splitlines()]
SHELL = [line for block in README.fences("sh") for line in block.splitlines()]
LINE_FORM = re.compile(r"(\S+) (\d+) in (\d+) out · held \$(\S+) -> charged \$(\S+) -> balance \$(\S+)")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo with an unused account: its first line shows the same balance as the README."""
    with demo(tmp_path_factory.mktemp("readme"), free_port()) as running:
        yield running


def test_the_example_runs_as_printed_and_the_demo_prints_the_line_that_follows_it(served: Demo) -> None:
    assert EXAMPLE.count('"sk-rr-..."') == EXAMPLE.count('"http://127.0.0.1:8000/v1"') == 1
    source = EXAMPLE.replace("sk-rr-...", served.key).replace("http://127.0.0.1:8000/v1", served.base_url)
    done = subprocess.run([sys.executable, "-"], input=source, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert served.wait_for_lines(1) == [LINE]


def test_the_printed_line_has_the_form_of_the_demo() -> None:
    found = LINE_FORM.fullmatch(LINE)
    assert found is not None
    model, read, written, held, charged, balance = found.groups()
    assert (
        demo_line(
            model=model,
            input_tokens=int(read),
            output_tokens=int(written),
            hold_nanos=parse_usd(held, field="held"),
            charged_nanos=parse_usd(charged, field="charged"),
            balance_nanos=parse_usd(balance, field="balance"),
        )
        == LINE
    )


def test_the_commands_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All except `serve`, which does not end and is only parsed."""
    shutil.copy(ROOT / "realrouter.example.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-upstream")
    account, ran = "", []
    for line in SHELL:
        words = [account if word == "ACCOUNT" else word for word in shlex.split(line, comments=True)]
        if words[0] == "cp":
            shutil.copy(words[1], words[2])
        elif words[:2] == ["realrouter", "serve"]:
            command, rest = command_of(line)
            program = click.Context(
                main, **main.context_settings
            )  # a command remembers the help options of its first context
            command.make_context("serve", rest, parent=program).close()
        elif words[0] == "realrouter":
            done = CliRunner().invoke(main, words[1:])
            assert done.exit_code == 0, f"{line}: {done.output}"
            account = next(iter(re.findall(r"\bacct_\w+", done.output)), account)
            ran.append(words[1])
    assert ran == ["migrate", "account", "credit", "key"]
    shown = CliRunner().invoke(main, ["account", "show", account, "--json"])
    assert '"available_nanos":"25000000000"' in shown.output


def test_the_options_that_comments_mention_exist() -> None:
    for line in SHELL:
        if line.startswith("realrouter "):
            command, _ = command_of(line)
            known = {name for parameter in command.params for name in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", line)) <= known, line


def test_commands_options_and_settings_in_the_text_exist() -> None:
    check_names(README)


def test_the_targets_of_make_exist() -> None:
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {words[1] for words in (shlex.split(line, comments=True) for line in SHELL) if words[0] == "make"}
    assert {"demo", "setup", "check", "quick", "test", "test-long"} == named <= made


def test_the_files_and_folders_exist() -> None:
    """Checks code that contains a slash or ends like a file name, except the files that the reader creates or builds."""
    paths = {span for span in README.spans() if re.fullmatch(r"[a-zA-Z][\w.-]*(/[\w.-]+)+|[\w-]+\.(md|toml|txt)", span)}
    assert paths >= {"ops/reference.md", "ops/runbook.md", "app/requests/completion.py"}
    assert [path for path in paths - {"realrouter.toml", "web/out", "data/demo"} if not (ROOT / path).exists()] == []


def test_the_folders_of_the_code_exist() -> None:
    [paragraph] = [part for part in README.text.split("\n\n") if part.startswith("How the code is laid out")]
    parts = {"ledger", "wire", "upstream", "edge", "routes", "cli"}
    assert parts <= spans(paragraph)
    assert all((ROOT / "app" / part).is_dir() for part in parts)
    assert all((ROOT / part).is_dir() for part in ("domain", "app", "projections", "ops"))


def test_the_routes_are_those_of_the_reference() -> None:
    table = README.section("Run it")
    listed = {part.rpartition(" ")[2] for part in spans(table) if re.fullmatch(r"((GET|POST) )?/[\w/{}.-]+", part)}
    reference = {row[1].strip("`") for row in Document("ops/reference.md").rows("Routes", 4)}
    assert listed == reference


def test_the_simulator_directives_are_valid() -> None:
    asked = re.findall(r'"simulator": "([^"]+)"', README.text)
    words = [span for span in README.spans() if re.fullmatch(r"[a-z_]+=\d+|no_usage", span)]
    assert asked
    assert len(words) >= 3
    assert all(parse(text) != Directives() for text in (*asked, *words))
