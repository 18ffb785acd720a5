"""The root command, with all groups of commands."""

from __future__ import annotations

from importlib.metadata import version

import click

from app.cli.account import account
from app.cli.adopt import adopt
from app.cli.audit import audit
from app.cli.books import books
from app.cli.credit import credit
from app.cli.demo import demo
from app.cli.export import export
from app.cli.key import key
from app.cli.ledger import ledger
from app.cli.payments import payments
from app.cli.prices import migrate, prices
from app.cli.projections import projections
from app.cli.proofs import AUDIT, EXPORT
from app.cli.providers import providers
from app.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("realrouter"), prog_name="realrouter")
def main() -> None:
    """Realrouter: an OpenAI-compatible gateway that sells model calls from a prepaid balance, on an event-sourced ledger.

    \b
    Try it:      realrouter demo
    Set it up:   write realrouter.toml, then: realrouter migrate; realrouter account create; realrouter serve
    Exit codes:  0 success, 1 failure, 2 wrong usage.
    """


for _command in (*AUDIT, adopt):
    audit.add_command(_command)
for _command in EXPORT:
    export.add_command(_command)
for _command in (
    account,
    audit,
    books,
    credit,
    demo,
    export,
    key,
    ledger,
    migrate,
    payments,
    prices,
    projections,
    providers,
    serve,
):
    main.add_command(_command)
