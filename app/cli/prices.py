"""realrouter prices and realrouter migrate: model prices, and the database schema."""

from __future__ import annotations

import click

from app.accounts.commands import apply_prices, listing_of
from app.cli.common import Context, command, table
from app.ledger.codec import Codec
from app.services import open_ledger
from domain.pricing import PriceList, price_table


@click.group()
def prices() -> None:
    """Manage prices. Prices are events: every charge records the price version it used."""


@prices.command("list")
@command
def list_prices(context: Context) -> None:
    """Show the configured prices next to the newest ones in the ledger."""
    catalog = context.settings().catalog()
    with context.ledger() as (ledger, codec):
        pairs = [(model, listing_of(ledger, codec, model.id)) for model in catalog.models()]
    result = [
        {
            "model": model.id,
            "version": listing.version,
            "listed": price_table(listing.prices) if listing.prices else None,
            "configured": price_table(model.prices),
            "same": listing.prices == model.prices,
        }
        for model, listing in pairs
    ]
    rows = [
        (
            model.id,
            str(listing.version or "-"),
            _short(listing.prices),
            "same" if listing.prices == model.prices else f"differs: {_short(model.prices)}",
        )
        for model, listing in pairs
    ]
    context.print(
        {"prices": result},
        table(rows, ("MODEL", "VERSION", "LISTED (USD per million in/out)", "CONFIGURED"))
        if rows
        else "No models are configured.",
    )


@prices.command("apply")
@command
def apply(context: Context) -> None:
    """Record the configured prices that differ from the ledger's. Requests already admitted keep their prices."""
    with context.ledger() as (ledger, codec):
        applied = apply_prices(ledger, codec, context.settings().catalog())
    lines = [f"{model.id}: version {version}" for model, version in applied] or "All prices are up to date."
    context.print({"applied": [{"model": model.id, "version": version} for model, version in applied]}, lines)


@click.command("migrate")
@command
def migrate(context: Context) -> None:
    """Update the database schema, and record the configured prices.

    Safe to repeat, and to run from several machines at once. `serve` refuses a database that has not been migrated.
    """
    codec = Codec()
    settings = context.settings()
    ledger = open_ledger(settings, codec)
    try:
        version = ledger.migrate()
        applied = apply_prices(ledger, codec, settings.catalog())
    finally:
        ledger.close()
    result = {"schema": version, "prices_applied": [model.id for model, _version in applied]}
    context.print(result, f"The schema is at version {version}. {len(applied)} price lists were recorded.")


def _short(listed: PriceList | None) -> str:
    if listed is None:
        return "none"
    written = price_table(listed)
    return f"{written['input']} / {written['output']}"
