"""From text to Settings: parse, look up environment variables, convert, check. The first error is reported with its line."""

from __future__ import annotations

import difflib
import os
import pathlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from app.settings import shape
from app.settings.check import check
from app.settings.errors import Problem, SettingsError, spelled
from app.settings.locate import Path, lines_of, nearest
from app.settings.secret import Secret
from app.settings.shape import Settings

FILE_BYTES_MAX = 4 << 20
KEY_BYTES_MAX = 4096

CONFIG_DEFAULT = "realrouter.toml"
CONFIG_VARIABLE = "REALROUTER_CONFIG"
"""The environment variable that names the configuration file."""
TABLES: Mapping[tuple[str, ...], type[msgspec.Struct]] = {
    (): shape.Settings,
    ("server",): shape.ServerSettings,
    ("store",): shape.StoreSettings,
    ("files",): shape.FilesSettings,
    ("limits",): shape.LimitSettings,
    ("billing",): shape.BillingSettings,
    ("upstream",): shape.UpstreamSettings,
    ("model",): shape.ModelSettings,
    ("model", "price"): shape.PriceSettings,
    ("model", "price", "calls"): shape.CallPrices,
    ("model", "price", "above"): shape.TierPrices,
    ("model", "price", "tier"): shape.ServiceTierPrices,
    ("model", "price", "tier", "above"): shape.TierPrices,
    ("stripe",): shape.StripeSettings,
    ("pack",): shape.PackSettings,
    ("log",): shape.LogSettings,
    ("provider_export",): shape.ProviderExportSettings,
}
"""Every table of the file, by its path without indexes."""

_LOCATED = re.compile(r"(?P<message>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_TOML_LINE = re.compile(r"(?P<message>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)", re.DOTALL)


def load(path: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in a file. Raises SettingsError. `env:NAME` values are looked up in `environ` (default: the process's)."""
    name = os.fspath(path)
    try:
        data = _read(pathlib.Path(name))
    except FileNotFoundError:
        raise SettingsError(
            "The file does not exist. Copy realrouter.example.toml, or name your file with --config.", file=name
        ) from None
    except OSError as error:
        raise SettingsError(f"The file cannot be read: {error.strerror}.", file=name) from None
    if len(data) > FILE_BYTES_MAX:
        raise SettingsError(f"The file is larger than {FILE_BYTES_MAX} bytes.", file=name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError("The file is not valid UTF-8.", file=name, line=line) from None
    return parse(text, file=name, environ=environ)


def parse(text: str, *, file: str = "realrouter.toml", environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in `text`; `file` is its name in messages. Raises SettingsError."""
    table = _toml(text, file)
    try:
        _look_up(table, os.environ if environ is None else environ)
        settings = _convert(table)
        check(settings)
    except Problem as problem:
        line = nearest(lines_of(text), problem.path)
        raise SettingsError(problem.message, file=file, line=line, key=spelled(problem.path) or None) from None
    return settings


def _read(path: pathlib.Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX + 1)


def _toml(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _TOML_LINE.fullmatch(str(error))
        message = match["message"] if match else str(error)
        line = int(match["line"]) if match and match["line"] else text.rstrip().count("\n") + 1
        raise SettingsError(f"This is not valid TOML: {message}.", file=file, line=line) from None
    except RecursionError:
        raise SettingsError("The configuration is nested too deeply.", file=file) from None


def _look_up(table: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Replace `env:NAME` by the variable's value, in keys that may contain a secret."""
    for holder, path, key in _secret_holders(table):
        value = holder.get(key)
        if isinstance(value, str) and value.startswith("env:"):
            name = value.removeprefix("env:").strip()
            # Stripe's keys are needed only to take payments, so the code that takes payments reports their absence.
            if not environ.get(name) and path[0] != "stripe":
                raise Problem((*path, key), f"The environment variable {name!r} is not set.")
            holder[key] = environ.get(name, "").strip()
        if path[0] == "log" and isinstance(value, str) and value.startswith("file:"):
            holder[key] = _key_file(value.removeprefix("file:"), (*path, key))


def _key_file(name: str, path: Path) -> str:
    try:
        with pathlib.Path(name).open("rb") as file:
            return file.read(KEY_BYTES_MAX).decode("ascii", errors="replace").strip()
    except OSError as error:
        raise Problem(path, f"The key file cannot be read: {error.strerror}.") from None


def _secret_holders(table: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Path, str]]:
    upstreams = table.get("upstream")
    for index, upstream in enumerate(upstreams if isinstance(upstreams, list) else ()):
        if isinstance(upstream, dict):
            yield upstream, ("upstream", index), "api_key"
    for name, key in (
        ("store", "url"),
        ("stripe", "secret_key"),
        ("stripe", "webhook_secret"),
        ("log", "key"),
        ("log", "previous_key"),
    ):
        if isinstance(holder := table.get(name), dict):
            yield holder, (name,), key


def _convert(table: dict[str, Any]) -> Settings:
    try:
        return msgspec.convert(table, Settings, dec_hook=_secret)
    except msgspec.ValidationError as error:
        raise _problem(str(error)) from None


def _secret(kind: type, value: Any) -> Secret:
    if kind is not Secret or not isinstance(value, str):
        raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
    return Secret(value)


def _problem(text: str) -> Problem:
    """msgspec's error as a path and a sentence with advice."""
    match = _LOCATED.fullmatch(text)
    assert match is not None, "the pattern takes any text"
    message = match["message"]
    path: Path = tuple(name or int(index) for name, index in _STEP.findall(match["path"] or "") if name or index)
    names = tuple(part for part in path if isinstance(part, str))
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", message, re.DOTALL):
        return Problem((*path, unknown[1]), _unknown(unknown[1], names))
    if missing := re.fullmatch(r"Object missing required field `(.*)`", message):
        return Problem(path, f"{missing[1]} is missing and has no default.")
    return Problem(path, f"{message}.{_advice(message, names)}")


def _unknown(name: str, table: tuple[str, ...]) -> str:
    """The message for an unknown key, with the setting that was probably meant, in this table or another."""
    own = [field.encode_name for field in msgspec.structs.fields(TABLES[table])]
    if close := difflib.get_close_matches(name, own, n=1):
        return f"There is no such setting. Did you mean {close[0]}?"
    homes = [
        ".".join((*path, name))
        for path, kind in TABLES.items()
        if path and any(name == field.encode_name for field in msgspec.structs.fields(kind))
    ]
    if homes:
        return f"There is no such setting here. Did you mean {' or '.join(homes[:3])}?"
    return f"There is no such setting. Known here: {', '.join(own)}."


def _advice(message: str, names: tuple[str, ...]) -> str:
    if re.match(r"Expected `str( \| \w+)*`, got `(int|float)`", message):
        return ' Write it in quotes, such as "0.25".'
    if re.match(r"Expected `array`, got `object`", message) and TABLES.get(names):
        return f" Write the table with two brackets: [[{'.'.join(names)}]]."
    if re.match(r"Expected `object`, got `array`", message) and TABLES.get(names):
        return f" Write the table with one bracket: [{'.'.join(names)}]."
    if re.match(r"Expected `array`, got `str`", message):
        return ' Write a list: ["..."].'
    return ""
