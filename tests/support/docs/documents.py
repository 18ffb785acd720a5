"""Documents as their readers see them: code in backticks, fenced blocks, tables under headings; and the command lines in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import msgspec

from app.cli import main
from app.settings.load import TABLES
from tests.support.paths import ROOT

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


class Document:
    """A Markdown file of this repository, by its path from the top."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = (ROOT / path).read_text(encoding="utf-8")

    def fences(self, language: str) -> list[str]:
        """The fenced blocks of a language, "" for those that name none."""
        return [body for found, body in _FENCE.findall(self.text) if found == language]

    def blocks(self) -> list[tuple[str, str]]:
        """All fenced blocks in order, each after its language."""
        return [(language, body) for language, body in _FENCE.findall(self.text)]

    def spans(self) -> set[str]:
        """What stands in backticks within lines."""
        return spans(_FENCE.sub("", self.text))

    def section(self, heading: str) -> str:
        """The text under a heading, up to the next one of any level."""
        parts = _HEADING.split(self.text)
        [body] = [body for found, body in zip(parts[1::2], parts[2::2], strict=True) if found == heading]
        return body

    def rows(self, heading: str, columns: int) -> list[list[str]]:
        """The rows of the tables with so many columns under a heading, without their header rows."""
        tables = re.findall(r"(?:^\|.*\n)+", self.section(heading), re.MULTILINE)
        rows = [[_cells(line) for line in table.splitlines()[2:]] for table in tables]
        return [row for table in rows for row in table if len(row) == columns]


def spans(text: str) -> set[str]:
    return set(_SPAN.findall(text))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def commands(group: click.Group = main, path: str = "realrouter") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its whole name."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def command_of(line: str) -> tuple[click.Command, list[str]]:
    """The command that a line starts, and its arguments. Raises AssertionError for one that is not there."""
    words = shlex.split(line, comments=True)
    assert words[0] == "realrouter", line
    command: click.Command = main
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-") and not rest[0].isupper():
        found = command.commands.get(rest[0])
        assert found is not None, f"there is no `{line}`"
        command, rest = found, rest[1:]
    return command, rest


def settings() -> set[str]:
    """Every setting's dotted name: limits.idle, model.price.input."""
    return {
        ".".join((*path, field.encode_name))
        for path, table in TABLES.items()
        for field in msgspec.structs.fields(table)
    }


def check_names(document: Document) -> None:
    """Raises AssertionError where the document names a command, an option or a setting that does not exist."""
    known = settings()
    sections = {name.partition(".")[0] for name in known if "." in name}
    for span in document.spans():
        if span.startswith("realrouter "):
            command, rest = command_of(span)
            options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            strange = {word for word in rest if word.startswith("-")} - options - {"--help", "-h"}
            assert not strange, f"{document.path}: `{span}` takes no {strange}"
        elif re.fullmatch(rf"({'|'.join(sections)})(\.[a-z_0-9]+)+", span):
            assert span in known, f"{document.path}: there is no setting `{span}`"
