"""realrouter demo: a funded account on a simulated upstream, ready to try.

Rule 1: everything is in the data directory: configuration, ledger, log file. A restart continues with it.
Rule 2: each start creates a new key, password and sign-in link, revokes the previous ones, and tops the balance up. The new secrets
are shown once and never stored.
"""

from __future__ import annotations

import errno
import secrets
import socket
from functools import partial
from pathlib import Path

import click
import msgspec
import trio

from app.accounts.commands import apply_prices, load_account, new_id, on_account
from app.accounts.keys import make_key
from app.accounts.links import Links, address
from app.accounts.passwords import Passwords
from app.accounts.people import People
from app.cli.common import Context, command
from app.cli.serve import serve_sockets
from app.edge.server import open_sockets
from app.ledger.codec import Codec
from app.ledger.exclusive import served_alone
from app.ledger.store import Ledger, StoreUnavailable
from app.requests.request_log import RequestLog
from app.services import Services, open_ledger
from app.settings import Settings, demo_config, load
from app.telemetry import logs
from app.transparency.file import write_key
from domain import account as accounts
from domain import api_key, buckets
from domain.decimals import NANOS_PER_USD
from domain.events import KeyLimits
from projections.proofs.note import generate

ACCOUNT = "demo"
EMAIL = "demo@example.com"
BALANCE_NANOS = 10 * NANOS_PER_USD
PORTS_TRIED = 50
MODEL = "gpt-5.4-mini"
_PROMPT = "Summarize this note in Chinese."


@click.command("demo")
@command
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="The port; if it is taken, the next free one.",
)
@click.option(
    "--data-dir",
    default="data/demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder for all of the demo's data.",
)
def demo(context: Context, port: int, data_dir: Path) -> None:
    """Serve a demo with simulated models. It listens on 127.0.0.1 and has SQLite, an account with $10, and a new API key.

    \b
    The simulated models build their answers from your request and cost nothing. They also fail on demand:
    send "metadata": {"simulator": "status=429"} (or drop_at=3, stall_at=3, usage_output=50000, ...).
    With --json, the first line of stdout is an object with base_url, api_key, account_id, email, password and
    sign_in_url, a one-time sign-in link valid for 15 minutes.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    listening, bound = _listen(port)
    settings = _settings(data_dir, bound)
    path = settings.store.sqlite_path
    assert path is not None, "the demo's configuration names a file"
    password = secrets.token_urlsafe(12)
    with served_alone(path):
        key, sign_in_url = _prepare(settings, password)
    base_url = f"http://127.0.0.1:{bound}/v1"
    if context.as_json:
        first = {"base_url": base_url, "api_key": key, "account_id": ACCOUNT, "email": EMAIL, "password": password}
        first["sign_in_url"] = sign_in_url
        click.echo(msgspec.json.encode(first).decode())
    elif bound != port:
        click.echo(f"Port {port} is in use; using {bound} instead.")
    with (data_dir / "realrouter.log").open("a", encoding="utf-8") as log:
        logs.configure(log)
        ready = (
            (lambda _ports: None)
            if context.as_json
            else (lambda _ports: click.echo(_welcome(base_url, key, password, sign_in_url, data_dir)))
        )
        serve_sockets(settings, listening, on_record=_print_line, on_ready=ready)


def _listen(port: int) -> tuple[list[socket.socket], int]:
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        try:
            return open_sockets([f"127.0.0.1:{candidate}"]), candidate
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise click.ClickException(f"Cannot bind 127.0.0.1:{candidate}: {error.strerror}") from error
    raise click.ClickException(f"No free port from {port} to {port + PORTS_TRIED - 1}. Choose one with --port.")


def _settings(data_dir: Path, port: int) -> Settings:
    """The data directory's configuration, created at the first start, with the port of this start."""
    path = data_dir / "realrouter.toml"
    if not path.exists():
        origin = f"demo.localhost/{secrets.token_hex(8)}"
        write_key(generate(origin), data_dir / "log.key")
        path.write_text(demo_config(data_dir, port, log_origin=origin), encoding="utf-8")
    settings = load(path)
    server = msgspec.structs.replace(
        settings.server, bind=(f"127.0.0.1:{port}",), public_url=f"http://127.0.0.1:{port}"
    )
    return msgspec.structs.replace(settings, server=server)


def _prepare(settings: Settings, password: str) -> tuple[str, str]:
    """Migrate, list prices, fund the account and set its new password. Returns the new key and sign-in link."""
    codec = Codec()
    ledger = open_ledger(settings, codec)
    try:
        ledger.migrate()
        apply_prices(ledger, codec, settings.catalog())
        if not load_account(ledger, codec, ACCOUNT).exists:
            on_account(ledger, codec, ACCOUNT, lambda state: accounts.open_account(state, name="Demo"))
        _fund(ledger, codec)
        people = People(ledger, codec)
        people.set_email(ACCOUNT, EMAIL)
        people.set_password(ACCOUNT, Passwords().hash_now(password))
        return _fresh_key(ledger, codec), address(settings.server.public_url, Links(ledger).make(ACCOUNT))
    finally:
        ledger.close()


def _fund(ledger: Ledger, codec: Codec) -> None:
    name = buckets.available(ACCOUNT)
    missing = BALANCE_NANOS - ledger.bucket_values([name])[name]
    if missing > 0:
        on_account(
            ledger,
            codec,
            ACCOUNT,
            lambda state: accounts.post_adjustment(
                state,
                adjustment_id=new_id("adj"),
                kind="grant",
                amount_nanos=missing,
                reason="demo credit",
                reference=None,
            ),
        )


def _fresh_key(ledger: Ledger, codec: Codec) -> str:
    for key_id, state in load_account(ledger, codec, ACCOUNT).keys.items():
        if not state.revoked:
            on_account(ledger, codec, ACCOUNT, partial(api_key.revoke_key, key_id=key_id))
    return make_key(ledger, codec, ACCOUNT, key_id=new_id("key"), name="demo", limits=KeyLimits())


def _print_line(record: RequestLog, services: Services) -> None:
    """Print one line for each request that placed a hold, once it is settled."""
    if not record.hold_nanos:
        return

    async def line() -> None:
        name = buckets.available(record.account_id)
        try:
            values = await trio.to_thread.run_sync(services.ledger.bucket_values, [name])
        except StoreUnavailable:
            return
        charged = record.outcome.startswith("debited")
        click.echo(
            logs.demo_line(
                model=record.model,
                hold_nanos=record.hold_nanos,
                balance_nanos=values[name],
                charged_nanos=record.cost_nanos if charged else None,
                released=None if charged else record.outcome.partition(":")[2],
                input_tokens=record.usage.input_tokens if charged else None,
                output_tokens=record.usage.output_tokens if charged else None,
            )
        )

    services.instance.lease.start(line)


def _welcome(base_url: str, key: str, password: str, sign_in_url: str, data_dir: Path) -> str:
    return f"""
Realrouter serves {base_url} with a simulated upstream. The account `{ACCOUNT}` has $10.00.
All data is in {data_dir}/ (configuration, ledger, log).

Sign in with this link (once, within 15 minutes), or with e-mail {EMAIL} and password {password}
  {sign_in_url}

  export OPENAI_BASE_URL={base_url}
  export OPENAI_API_KEY={key}

curl
  curl {base_url}/responses -H "Authorization: Bearer {key}" \\
    -H "Content-Type: application/json" -d '{{"model": "{MODEL}", "input": "{_PROMPT}"}}'

Python
  from openai import OpenAI
  client = OpenAI(api_key="{key}", base_url="{base_url}")
  print(client.responses.create(model="{MODEL}", input="{_PROMPT}").output_text)

JavaScript
  import OpenAI from "openai";
  const client = new OpenAI({{ apiKey: "{key}", baseURL: "{base_url}" }});
  const response = await client.responses.create({{ model: "{MODEL}", input: "{_PROMPT}" }});
  console.log(response.output_text);

Balance, and a simulated purchase
  curl {base_url[:-3]}/api/balance -H "Authorization: Bearer {key}"
  curl {base_url[:-3]}/api/checkout -H "Authorization: Bearer {key}" \\
    -H "Content-Type: application/json" -d '{{"pack": "starter"}}'     # open the returned url and pay

Each request prints a line here. Press Ctrl+C to stop.
"""
