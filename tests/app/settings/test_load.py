"""The configuration: what it accepts, what it refuses, and how it says so."""

from __future__ import annotations

import pickle
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.settings import Secret, Settings, StoreSettings, demo_config, load, masked_url, parse
from app.settings.errors import SettingsError
from app.settings.load import FILE_BYTES_MAX, TABLES
from app.settings.protocols import TRAITS
from domain.pricing import price_table
from domain.usage import CALLED_TOOLS
from projections.proofs.note import generate
from tests.support.paths import ROOT

EXAMPLE = ROOT / "realrouter.example.toml"
ENVIRON = {
    "OPENAI_API_KEY": "sk-openai",
    "ANTHROPIC_API_KEY": "sk-ant",
    "GEMINI_API_KEY": "AIza",
    "STRIPE_SECRET_KEY": "sk_test_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "REALROUTER_LOG_KEY": generate("router.example/log").text(),
}
DOCUMENTED_MODELS = {"gpt-5.4-mini", "gpt-5.3-codex-spark", "gpt-5.5"}

UPSTREAM = '[[upstream]]\nname = "openai"\nprotocol = "openai"\nbase_url = "https://api.openai.com/v1"\n'
MODEL = '[[model]]\nid = "m"\nupstreams = ["openai"]\ncontext_window = 100\nmax_output_tokens = 10\n'
PRICE = '[model.price]\ninput = "1"\noutput = "2"\n'


def refused(text: str, **environ: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        parse(text, file="my.toml", environ=environ)
    return caught.value


def uncommented() -> str:
    """The example with every commented setting switched on."""
    return re.sub(r"^#(?=[a-z\[])", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def test_an_empty_file_gives_the_defaults() -> None:
    settings = parse("")
    assert settings == Settings()
    assert settings.server.bind == ("127.0.0.1:8000",)
    assert settings.server.max_body_bytes == 70 * 1024 * 1024
    assert settings.limits.keepalive_comment == 15
    assert settings.limits.connection_idle == 650
    assert (settings.limits.settle, settings.limits.grace, settings.limits.send_stall) == (8, 20, 120)
    assert settings.billing.cancelled_free_limit_nanos == 10**9
    assert len(settings.catalog()) == 0


def test_the_example_loads_and_offers_the_documented_models() -> None:
    settings = load(EXAMPLE, environ={"OPENAI_API_KEY": "sk-openai"})
    assert {model.id for model in settings.catalog()} >= DOCUMENTED_MODELS
    assert settings.catalog().model("gpt-5.3-codex-spark").endpoints == ("responses",)
    assert settings.upstream("openai").api_key.reveal() == "sk-openai"
    assert settings.stripe is None


def test_the_example_shows_each_default_as_it_is() -> None:
    settings = parse(uncommented(), environ=ENVIRON)
    for section in ("server", "store", "files", "limits", "billing"):
        assert getattr(settings, section) == getattr(Settings(), section)
    plain = settings.models[-1]
    assert (plain.tools, plain.input, plain.output, plain.upstream_model) == (("function",), ("text",), ("text",), "")
    assert plain.endpoints == ("responses", "chat")
    assert (settings.upstream("openai").max_request_bytes, settings.upstream("openai").fetch_urls) == (100 << 20, True)
    assert load(EXAMPLE, environ=ENVIRON).upstream("openai").request_bytes_max == 100 << 20
    assert settings.stripe is not None
    assert settings.stripe.api_base == "https://api.stripe.com"


def test_the_example_shows_an_upstream_and_a_model_of_each_protocol() -> None:
    settings = parse(uncommented(), environ=ENVIRON)
    protocols = {upstream.name: upstream.protocol for upstream in settings.upstreams}
    assert set(protocols.values()) == set(TRAITS)
    served = {protocols[name] for model in settings.models for name in model.upstreams}
    assert served == set(TRAITS) - {"simulator"}
    prices = settings.catalog().model("example").prices
    assert set(prices.call_picos) == set(CALLED_TOOLS)
    assert set(prices.service_tiers) == {"flex"}


def test_the_example_shows_every_setting() -> None:
    shown = _keys_of(tomllib.loads(uncommented()))
    for path, kind in TABLES.items():
        for field in msgspec.structs.fields(kind):
            assert (*path, field.encode_name) in shown


def test_every_settings_table_is_known_to_the_messages() -> None:
    assert set(_structs_in(Settings)) == set(TABLES.values())


def test_the_demo_loads_without_any_environment(tmp_path: Path) -> None:
    data_dir = tmp_path / 'odd "name" \\ with # signs'
    settings = parse(demo_config(data_dir, 8123), environ={})
    assert settings.server.bind == ("127.0.0.1:8123",)
    assert settings.server.public_url == "http://127.0.0.1:8123"
    assert settings.store.sqlite_path == data_dir / "realrouter.db"
    assert settings.files.directory == data_dir / "files"
    assert [(entry.protocol, entry.pace) for entry in settings.upstreams] == [("simulator", 0.02)]


def test_the_demo_and_the_example_agree_on_models_and_prices() -> None:
    demo = {model.id: model for model in parse(demo_config("data", 8000)).catalog()}
    example = {model.id: model for model in load(EXAMPLE, environ=ENVIRON).catalog()}
    assert demo.keys() == example.keys() >= DOCUMENTED_MODELS
    for name, model in demo.items():
        assert price_table(model.prices) == price_table(example[name].prices)
        assert (model.tools, model.context_window) == (example[name].tools, example[name].context_window)
        assert model.endpoints == example[name].endpoints
        assert model.tools == {"function", "web_search", "image_generation"}
        assert set(model.input_modalities) == {"text", "image", "file"}


@pytest.mark.parametrize(
    ("text", "line", "key", "hint"),
    [
        ("[limits]\n\nconcurency = 3\n", 3, "limits.concurency", "Did you mean concurrency?"),
        ("[server]\nidle = 3\n", 2, "server.idle", "Did you mean limits.idle?"),
        ("[server]\nxyzzy = 3\n", 2, "server.xyzzy", "Known here: bind, public_url"),
        ("[limit]\nidle = 3\n", 1, "limit", "Did you mean limits?"),
        ('[server]\nbind = "x:1"\n', 2, "server.bind", "Write a list"),
        ('[server]\nbind = [\n  "x:1",\n  "x",\n]\n', 4, "server.bind[1]", "host:port"),
        ('[server]\nbind = ["x:99999"]\n', 2, "server.bind[0]", "host:port"),
        ("[server]\nbind = []\n", 2, "server.bind", "length >= 1"),
        ('[server]\npublic_url = "localhost"\n', 2, "server.public_url", "http:// or https://"),
        ('[server]\npublic_url = "http://h:port"\n', 2, "server.public_url", "not a valid URL"),
        ('[server]\ncors_origins = ["https://a/b"]\n', 2, "server.cors_origins[0]", "not an origin"),
        ('[server]\ncors_origins = ["https://App.example"]\n', 2, "server.cors_origins[0]", "not an origin"),
        ('[server]\ncors_origins = ["https://app.example:443"]\n', 2, "server.cors_origins[0]", "not an origin"),
        ('[server]\ncors_origins = ["https://me@app.example"]\n', 2, "server.cors_origins[0]", "not an origin"),
        ('[server]\ncors_origins = ["https://app.example/"]\n', 2, "server.cors_origins[0]", "not an origin"),
        ('[server]\ntrusted_proxies = ["10.0.0.1/8"]\n', 2, "server.trusted_proxies[0]", "host bits set"),
        ("[limits]\nidle = 0\n", 2, "limits.idle", "> 0"),
        ("[limits]\nidle = -1.5\n", 2, "limits.idle", "> 0"),
        ("[limits]\nidle = nan\n", 2, "limits.idle", "> 0"),
        ("[limits]\nidle = inf\n", 2, "limits.idle", "<= 604800"),
        ("[limits]\nconcurrency = 1.5\n", 2, "limits.concurrency", "Expected `int`"),
        ("[limits]\nconcurrency = true\n", 2, "limits.concurrency", "Expected `int`"),
        ("[limits]\nbody_bytes_in_flight = 4096\n", 2, "limits.body_bytes_in_flight", "server.max_body_bytes"),
        ("[billing]\ncancelled_free_limit = 1.0\n", 2, "billing.cancelled_free_limit", "in quotes"),
        ('[billing]\ncancelled_free_limit = "-1"\n', 2, "billing.cancelled_free_limit", "negative"),
        ('[billing]\ncancelled_free_limit = "a"\n', 2, "billing.cancelled_free_limit", "decimal number"),
        ('[store]\nurl = "mysql://h/db"\n', 2, "store.url", "sqlite:///relative.db"),
        ('[store]\nurl = "postgres://h/db"\n', 2, "store.url", "postgresql://"),
        ('[store]\nurl = "sqlite://"\n', 2, "store.url", "must be a file"),
        ('[store]\nurl = "sqlite:///:memory:"\n', 2, "store.url", "must be a file"),
        ('[store]\nurl = "sqlite:///a.db?mode=ro"\n', 2, "store.url", "must not have parameters"),
        ('[files]\nurl = "ftp://h"\n', 2, "files.url", "s3://"),
        ('[files]\nurl = "file://host/x"\n', 2, "files.url", "three slashes"),
        ('[files]\nurl = "file:///"\n', 2, "files.url", "folder is missing"),
        ('[upstream]\nname = "a"\n', 1, "upstream", "[[upstream]]"),
        ("[[server]]\n", 1, "server", "[server]"),
        ('[[upstream]]\nname = "a"\n', 1, "upstream[0]", "protocol is missing"),
        (UPSTREAM + UPSTREAM, 6, "upstream[1].name", "earlier [[upstream]]"),
        (UPSTREAM + "pace = 1\n", 5, "upstream[0].pace", "simulator"),
        (UPSTREAM + 'api_key = "a b"\n', 5, "upstream[0].api_key", "HTTP header"),
        (UPSTREAM + "api_key = 5\n", 5, "upstream[0].api_key", "Expected `str`"),
        (
            '[[upstream]]\nname = "s"\nprotocol = "simulator"\napi_key = "x"\n',
            4,
            "upstream[0].api_key",
            "inside the gateway",
        ),
        (UPSTREAM + MODEL, 5, "model[0]", "price is missing"),
        (UPSTREAM + MODEL + PRICE + "outptu = 3\n", 13, "model[0].price.outptu", "Did you mean output?"),
        (UPSTREAM + MODEL + '[model.price]\ninput = 0.25\noutput = "1"\n', 11, "model[0].price.input", '"0.25"'),
        (UPSTREAM + MODEL + '[model.price]\ninput = "1"\noutput = "a"\n', 12, "model[0].price.output", "decimal"),
        (UPSTREAM + MODEL + PRICE + MODEL + PRICE, 14, "model[1].id", "earlier [[model]]"),
        (UPSTREAM + MODEL.replace("= 10\n", "= 101\n") + PRICE, 9, "model[0].max_output_tokens", "context_window"),
        (UPSTREAM + MODEL + 'tools = ["web_search"]\n' + PRICE, 11, "model[0].price.web_search_call", "needs"),
        (UPSTREAM + MODEL + 'input = ["sound"]\n' + PRICE, 10, "model[0].input[0]", "sound"),
        (MODEL + PRICE, 3, "model[0].upstreams[0]", "no [[upstream]] named 'openai'"),
        (
            UPSTREAM
            + MODEL
            + PRICE
            + "[[model.price.above]]\ninput_tokens = 5\n[[model.price.above]]\ninput_tokens = 0\n",
            16,
            "model[0].price.above[1].input_tokens",
            ">= 1",
        ),
        (
            UPSTREAM + MODEL + PRICE + '[[model.price.above]]\ninput_tokens = 5\ninput = "x"\n',
            15,
            "model[0].price.above[0].input",
            "decimal",
        ),
        ('[[pack]]\nid = "a"\nname = "A"\nprice = "0"\ncredit = "1"\n', 4, "pack[0].price", "more than zero"),
        (
            '[[pack]]\nid = "a"\nname = "A"\nprice = "1"\ncredit = "1"\ncurrency = "EUR"\n',
            6,
            "pack[0].currency",
            "regex",
        ),
        ('[stripe]\napi_base = "http://api.example"\n', 2, "stripe.api_base", "unencrypted"),
    ],
)
def test_a_finding_names_file_line_key_and_remedy(text: str, line: int, key: str, hint: str) -> None:
    error = refused(text)
    assert (error.line, error.key) == (line, key)
    assert str(error).startswith(f"my.toml:{line}: {key}: ")
    assert hint in error.message


@pytest.mark.parametrize(
    ("text", "line"),
    [("a = 1\nb = ?\n", 2), ("a = 1\na = 2\n", 2), ("[server\n", 1), ("[a]\n\nb = [\n", 4), ("[a]\nb = 'x", 2)],
)
def test_a_syntax_error_names_its_line(text: str, line: int) -> None:
    error = refused(text)
    assert error.message.startswith("This is not valid TOML")
    assert error.line is not None
    assert abs(error.line - line) <= (1 if text.endswith("[\n") else 0)


def test_nesting_without_end_is_refused() -> None:
    assert "nested too deeply" in refused("a = " + "[" * 100_000).message


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    latin, large = tmp_path / "latin.toml", tmp_path / "large.toml"
    latin.write_bytes(b"[server]\n# caf\xe9\n")
    large.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    for path, hint in [
        (latin, "latin.toml:2: The file is not valid UTF-8"),
        (large, "larger than"),
        (tmp_path / "none.toml", "does not exist"),
        (tmp_path, "cannot be read"),
    ]:
        with pytest.raises(SettingsError) as caught:
            load(path)
        assert hint in str(caught.value)


def test_a_key_comes_from_the_environment() -> None:
    text = UPSTREAM + 'api_key = "env:KEY"\n'
    assert parse(text, environ={"KEY": " sk-1\n"}).upstream("openai").api_key == Secret("sk-1")
    for environ in ({}, {"KEY": ""}):
        error = refused(text, **environ)
        assert (error.line, error.key) == (5, "upstream[0].api_key")
        assert "'KEY' is not set" in error.message


def test_a_literal_key_and_no_key_are_taken_as_they_are() -> None:
    assert parse(UPSTREAM + 'api_key = "literal"\n', environ={}).upstreams[0].api_key.reveal() == "literal"
    assert not parse(UPSTREAM, environ={}).upstreams[0].api_key


def test_stripe_may_lack_its_secrets() -> None:
    settings = parse('[stripe]\nsecret_key = "env:NONE"\n', environ={})
    assert settings.stripe is not None
    assert not settings.stripe.secret_key


def test_the_store_url_may_come_from_the_environment_and_is_masked() -> None:
    settings = parse('[store]\nurl = "env:DB"\n', environ={"DB": "postgresql://me:pass@word@h/db"})
    assert settings.store.url == "postgresql://me:pass@word@h/db"
    assert settings.store.sqlite_path is None
    assert "word" not in repr(settings)
    assert masked_url("postgresql:///db?user=a&password=b&x=1") == "postgresql:///db?user=a&password=****&x=1"


def test_a_secret_never_shows() -> None:
    secret = Secret("sk-hidden")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r}", repr({"k": secret})):
        assert "hidden" not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    assert {Secret("a"), Secret("a")} == {Secret("a")}
    assert Secret("a") != "a"


def test_a_refused_url_is_not_repeated() -> None:
    for text in ('[store]\nurl = "mysql://u:hidden@h"\n', '[store]\nurl = "postgresql://u:hidden@h:port/db"\n'):
        assert "hidden" not in str(refused(text))


@pytest.mark.parametrize(
    ("base_url", "more", "good"),
    [
        ("http://127.0.0.1:9000/v1", "", True),
        ("http://[::1]:9000/v1", "", True),
        ("http://localhost/v1", "", True),
        ("http://10.0.0.5/v1", "", False),
        ("http://localhost.example/v1", "", False),
        ("http://10.0.0.5/v1", "allow_insecure = true\n", True),
        ("https://u:p@h/v1", "", False),
        ("https://h/v1?x=1", "", False),
        ("h/v1", "", False),
        ("", "", False),
    ],
)
def test_plain_http_stays_on_this_machine_unless_allowed(base_url: str, more: str, good: bool) -> None:
    text = f'[[upstream]]\nname = "a"\nprotocol = "openai"\nbase_url = "{base_url}"\n{more}'
    if good:
        assert parse(text, environ={}).upstreams[0].base_url == base_url
    else:
        assert (refused(text).line, refused(text).key) == (4, "upstream[0].base_url")


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///a/b.db", "a/b.db"), ("sqlite:///./b.db", "b.db"), ("sqlite:////a/b.db", "/a/b.db")],
)
def test_a_sqlite_path_is_relative_with_three_slashes(url: str, path: str) -> None:
    assert StoreSettings(url).sqlite_path == Path(path)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///./a", Path("a")),
        ("file:///../a", Path("../a")),
        ("file:///a", Path("/a")),
        ("file:////a", Path("/a")),
        ("s3://bucket/p", None),
    ],
)
def test_a_file_url_is_absolute_unless_it_begins_with_a_dot(url: str, path: Path | None) -> None:
    assert parse(f'[files]\nurl = "{url}"\n').files.directory == path


def test_upstream_model_defaults_to_the_id() -> None:
    settings = parse(
        UPSTREAM + MODEL + PRICE + MODEL.replace('"m"', '"n"\nupstream_model = "other"') + PRICE, environ={}
    )
    assert [model.upstream_model for model in settings.catalog()] == ["m", "other"]


def test_upstream_model_may_be_a_name_for_each_upstream() -> None:
    two = UPSTREAM + UPSTREAM.replace('"openai"', '"second"', 1)
    named = MODEL.replace('["openai"]', '["openai", "second"]') + 'upstream_model = { second = "other" }\n'
    [model] = parse(two + named + PRICE, environ={}).catalog()
    assert [model.name_at(upstream) for upstream in model.upstreams] == ["m", "other"]
    with pytest.raises(SettingsError, match="'third' is not one of this model's upstreams"):
        parse(two + named.replace("{ second", "{ third") + PRICE, environ={})


def _keys_of(table: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    keys: set[tuple[str, ...]] = set()
    for name, value in table.items():
        keys.add((*path, name))
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                keys |= _keys_of(entry, (*path, name))
    return keys


def _structs_in(kind: Any) -> list[type[msgspec.Struct]]:
    """`kind` and every settings struct that its fields mention."""
    found: list[type[msgspec.Struct]] = []
    waiting: list[Any] = [kind]
    while waiting:
        item = waiting.pop()
        if isinstance(item, type) and issubclass(item, msgspec.Struct):
            found.append(item)
            waiting += [field.type for field in msgspec.structs.fields(item)]
        else:
            waiting += list(getattr(item, "__args__", ()))
    return found
