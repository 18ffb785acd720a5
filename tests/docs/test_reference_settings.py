"""Settings and commands in ops/reference.md, compared with the configuration's structs and the command line.

Rule: expectations come from the code itself; nothing that the reference should say is written down a second time here.
"""

from __future__ import annotations

import json
import re
from typing import Any

import click
import msgspec
import pytest

from app.exports.kinds import FOCUS, KINDS
from app.exports.kinds import TABLES as EXPORT_TABLES
from app.settings.load import TABLES
from app.settings.protocols import TRAITS, possible_tools
from app.settings.secret import Secret
from domain.usage import CALLED_TOOLS
from tests.support.docs.documents import Document, check_names, commands, spans
from tests.support.docs.reference import REFERENCE, rows


def heading_of(path: tuple[str, ...]) -> str:
    """`[limits]`, or `[[model]]` if the table may occur several times."""
    table = ".".join(path)
    repeated = path[-1] in ("upstream", "model", "above", "tier", "pack", "provider_export")
    return f"`[[{table}]]`" if repeated else f"`[{table}]`"


def default_of(field: msgspec.structs.FieldInfo) -> str:
    value: Any = field.default
    if value is msgspec.NODEFAULT:
        return "required"
    if value is msgspec.UNSET:
        return "unset"
    if isinstance(value, Secret):
        value = value.reveal()
    return f"`{json.dumps(value)}`"


@pytest.mark.parametrize("path", [path for path in TABLES if path], ids=".".join)
def test_the_settings_of_a_table_and_their_defaults(path: tuple[str, ...]) -> None:
    defined = {field.encode_name: default_of(field) for field in msgspec.structs.fields(TABLES[path])}
    assert {name: cells[0] for name, cells in rows(heading_of(path), 3).items()} == defined


def test_the_exports_and_their_tables_are_documented() -> None:
    documented = " ".join(row[0] for row in REFERENCE.rows("The books", 3))
    assert spans(documented) == {*KINDS, *EXPORT_TABLES, FOCUS}


def test_every_tool_that_may_have_a_price_per_call_is_documented() -> None:
    assert set(rows("`[model.price.calls]`", 3)) == set(CALLED_TOOLS)


def test_no_table_of_settings_is_documented_that_does_not_exist() -> None:
    documented = re.findall(r"^### (`\[.*\]`)$", REFERENCE.text, re.MULTILINE)
    assert sorted(documented) == sorted(heading_of(path) for path in TABLES if path)


def test_the_tools_of_protocols_are_those_in_the_code() -> None:
    documented = rows("`[[model]]`", 2)
    assert set(documented) == set(TRAITS)
    for protocol, cells in documented.items():
        always, _, more = cells[0].partition("; if `endpoints` includes `responses`, also ")
        assert spans(always) == possible_tools(protocol, ("chat",)), protocol
        assert spans(always) | spans(more) == possible_tools(protocol, ("responses", "chat")), protocol


def test_the_commands_with_their_options_and_the_first_line_of_their_help() -> None:
    documented = {name: (spans(cells[0]), starred(cells[0]), cells[1]) for name, cells in rows("Commands", 3).items()}
    assert documented == {name: parts_of(command) for name, command in commands()}


def starred(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`\\\*", cell))


def parts_of(command: click.Command) -> tuple[set[str], set[str], str]:
    """A command's arguments and options without the common ones; its required options; the first line of its help."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    arguments = {each.human_readable_name for each in command.params if isinstance(each, click.Argument)}
    own = {option.opts[0] for option in options} - {"--config", "--json"}
    return (
        arguments | own,
        {option.opts[0] for option in options if option.required},
        (command.help or "").split("\n")[0],
    )


@pytest.mark.parametrize("path", ["ops/reference.md", "ops/runbook.md"])
def test_no_command_option_or_setting_is_named_that_does_not_exist(path: str) -> None:
    check_names(Document(path))
