"""realrouter credit: manual grants and corrections."""

from __future__ import annotations

import click

from app.accounts.commands import new_id, on_account
from app.cli.common import Context, command
from app.payments.crediting import Crediting
from domain import account as accounts
from domain import buckets
from domain.decimals import format_usd
from domain.money import parse_usd


@click.group()
def credit() -> None:
    """Grant or correct credit manually. Each posting is an event, kept permanently."""


@credit.command("grant")
@command
@click.option(
    "--account", "account_id", required=True, metavar="ACCOUNT", help="The account's ID (see `account list`)."
)
@click.option("--amount", required=True, metavar="USD", help='The amount, such as "10.00", with up to 9 decimals.')
@click.option("--reason", default="granted by the operator", show_default=True, help="The reason; kept permanently.")
@click.option("--id", "adjustment_id", help="The grant's ID; random by default. Set one to make retries safe.")
def grant(context: Context, account_id: str, amount: str, reason: str, adjustment_id: str | None) -> None:
    """Grant credit to an account.

    \b
    Example:
      realrouter credit grant --account acct_1 --amount 10.00
    """
    _post(context, account_id, amount, "grant", reason, None, adjustment_id)


@credit.command("adjust", context_settings={"ignore_unknown_options": False})
@command
@click.option(
    "--account", "account_id", required=True, metavar="ACCOUNT", help="The account's ID (see `account list`)."
)
@click.option(
    "--amount", required=True, metavar="USD", help='The amount, positive or negative: "--amount=-1.50" removes credit.'
)
@click.option("--reason", required=True, help="The reason; kept permanently.")
@click.option("--reference", help="The ID of what is being corrected: a request, a grant, a ticket.")
@click.option("--id", "adjustment_id", help="The correction's ID; random by default. Set one to make retries safe.")
def adjust(
    context: Context, account_id: str, amount: str, reason: str, reference: str | None, adjustment_id: str | None
) -> None:
    """Correct an account's balance with a new posting. Earlier postings never change.

    \b
    Example:
      realrouter credit adjust --account acct_1 --amount=-1.50 --reason "granted twice" --reference adj_1
    """
    _post(context, account_id, amount, "correction", reason, reference, adjustment_id)


def _post(
    context: Context,
    account_id: str,
    amount: str,
    kind: str,
    reason: str,
    reference: str | None,
    adjustment_id: str | None,
) -> None:
    adjustment_id = adjustment_id or new_id("adj")
    amount_nanos = parse_usd(amount)
    with context.ledger() as (ledger, codec):
        on_account(
            ledger,
            codec,
            account_id,
            lambda state: accounts.post_adjustment(
                state,
                adjustment_id=adjustment_id,
                kind=kind,
                amount_nanos=amount_nanos,
                reason=reason,
                reference=reference,
            ),
        )
        Crediting(ledger, codec).follow_balance(account_id, f"adjustment {adjustment_id}", freezes=False)
        name = buckets.available(account_id)
        available = ledger.bucket_values([name])[name]
    result = {
        "adjustment_id": adjustment_id,
        "account_id": account_id,
        "amount_nanos": str(amount_nanos),
        "available_nanos": str(available),
    }
    context.print(
        result, f"Posted ${format_usd(amount_nanos)} to {account_id}. Available balance: ${format_usd(available)}."
    )
