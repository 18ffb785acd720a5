"""FOCUS 1.2 (focus.finops.org), cost and usage, applied to prepaid credit.

Rule 1: buying credit is a Purchase, with a billed cost and no effective cost. Using it is Usage, with an effective cost and no
billed cost. A refund or dispute is an Adjustment of the billed amount, including tax: no event says how much of it was tax, so the
Tax row stays. A grant is a Credit and a correction an Adjustment, both with cost zero.
Rule 2: a Usage row is a cost line, so quantity x unit price equals its cost exactly; hence twelve decimals. Rounding a request up
to a nano is a separate line.
Rule 3: `x_CreditAmount` is the row's change of the balance, so an account's rows sum to its balance.
Rule 4: effective cost is the face value of the credit used. Bonus credit of packs, and grants, are not spread over it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from domain.books import next_month
from domain.buckets import month_of
from domain.currency import minor_digits
from domain.decimals import format_scaled
from domain.events import (
    AdjustmentPosted,
    Event,
    FundsReinstated,
    FundsWithdrawn,
    RefundFailed,
    RefundPosted,
    RequestDebited,
    TopUpSettled,
)
from domain.money import PICOS_PER_NANO
from domain.pricing import TOKEN_KINDS, CostLine
from projections.contract import Fact
from projections.exports.contract import LINE_DECIMALS, Column, Row, event_of, id_of
from projections.exports.texts import second

HOUR_MICROS = 3_600_000_000
QUANTITY_DECIMALS = 1
"""FOCUS requires decimal quantities; ours are whole numbers."""
Returning = RefundPosted | RefundFailed | FundsWithdrawn | FundsReinstated


def _cost(name: str) -> Column:
    return Column(name, "decimal", LINE_DECIMALS)


class FocusSheet:
    """`provider` is the seller; `name_of` returns an account's display name."""

    name = "focus"
    control = "x_CreditAmount"
    remembers = False
    columns = (
        _cost("BilledCost"),
        Column("BillingAccountId"),
        Column("BillingAccountName"),
        Column("BillingCurrency"),
        Column("BillingPeriodEnd"),
        Column("BillingPeriodStart"),
        Column("ChargeCategory"),
        Column("ChargeClass"),
        Column("ChargeDescription"),
        Column("ChargeFrequency"),
        Column("ChargePeriodEnd"),
        Column("ChargePeriodStart"),
        Column("CommitmentDiscountStatus"),
        Column("ConsumedQuantity", "decimal", QUANTITY_DECIMALS),
        Column("ConsumedUnit"),
        _cost("ContractedCost"),
        _cost("ContractedUnitPrice"),
        _cost("EffectiveCost"),
        Column("InvoiceId"),
        Column("InvoiceIssuerName"),
        _cost("ListCost"),
        _cost("ListUnitPrice"),
        Column("PricingCategory"),
        Column("PricingCurrency"),
        _cost("PricingCurrencyContractedUnitPrice"),
        _cost("PricingCurrencyEffectiveCost"),
        _cost("PricingCurrencyListUnitPrice"),
        Column("PricingQuantity", "decimal", QUANTITY_DECIMALS),
        Column("PricingUnit"),
        Column("ProviderName"),
        Column("PublisherName"),
        Column("ServiceCategory"),
        Column("ServiceName"),
        Column("ServiceSubcategory"),
        Column("SkuId"),
        Column("SkuMeter"),
        Column("SkuPriceDetails"),
        Column("SkuPriceId"),
        _cost("x_CreditAmount"),
        Column("x_Id"),
        Column("x_KeyId"),
        Column("x_Position", "int"),
    )

    def __init__(self, provider: str, name_of: Callable[[str], str]) -> None:
        self._provider, self._name_of = provider, name_of
        self._order = tuple(column.name for column in self.columns)

    def rows(self, fact: Fact) -> Iterator[Row]:
        event = event_of(fact)
        if event is None:
            return
        for charge in _charges(event):
            every = {**self._common(fact, event), **charge, **_in_pricing_currency(charge)}
            yield tuple(every.get(name) for name in self._order)

    def _common(self, fact: Fact, event: Event) -> dict[str, Any]:
        account_id: str = event.account_id  # type: ignore[attr-defined]  # every charged event has one
        month = month_of(fact.recorded_at_micros)
        hour = fact.recorded_at_micros - fact.recorded_at_micros % HOUR_MICROS
        return {
            "BillingAccountId": account_id,
            "BillingAccountName": self._name_of(account_id),
            "BillingPeriodStart": f"{month}-01T00:00:00Z",
            "BillingPeriodEnd": f"{next_month(month)}-01T00:00:00Z",
            "ChargePeriodStart": second(hour),
            "ChargePeriodEnd": second(hour + HOUR_MICROS),
            "InvoiceIssuerName": self._provider,
            "ProviderName": self._provider,
            "PublisherName": self._provider,
            "ServiceCategory": "AI and Machine Learning",
            "ServiceName": "Model API",
            "ServiceSubcategory": "Generative AI",
            "x_Id": id_of(event),
            "x_Position": fact.position,
        }


Charge = Mapping[str, Any]


def _charges(event: Event) -> Iterator[Charge]:
    match event:
        case TopUpSettled():
            yield from _purchase(event)
        case RequestDebited():
            for line in event.lines:
                yield _usage(event, line)
        case AdjustmentPosted():
            category = "Credit" if event.kind == "grant" else "Adjustment"
            yield _unpriced(category, f"Credit: {event.kind}", "usd", 0, event.amount_nanos)
        case RefundPosted() | FundsWithdrawn():
            yield _unpriced("Adjustment", _describe(event), event.currency, -_picos(event), -event.credit_nanos)
        case RefundFailed() | FundsReinstated():
            yield _unpriced("Adjustment", _describe(event), event.currency, _picos(event), event.credit_nanos)
        case _:
            return


def _describe(event: Returning) -> str:
    match event:
        case RefundPosted():
            return "Refund of purchased credit"
        case RefundFailed():
            return "Refund of purchased credit that failed"
        case FundsWithdrawn():
            return "Disputed purchase of credit"
        case FundsReinstated():
            return "Disputed purchase of credit that was won"


def _purchase(event: TopUpSettled) -> Iterator[Charge]:
    """The amount paid without tax, and the tax if it is known."""
    scale = _scale(event.currency)
    tax = (event.tax.amount_minor or 0) * scale if event.tax is not None else 0
    price, sku = event.amount_minor * scale - tax, f"credit/{event.currency}"
    yield {
        **_costs(price, price),
        "EffectiveCost": 0,
        "BillingCurrency": event.currency.upper(),
        "ChargeCategory": "Purchase",
        "ChargeDescription": "Prepaid credit",
        "ChargeFrequency": "One-Time",
        "ContractedUnitPrice": price,
        "ListUnitPrice": price,
        "PricingCategory": "Standard",
        "PricingQuantity": _quantity(1),
        "PricingUnit": "Packs",
        "SkuId": sku,
        "SkuMeter": "Prepaid Credit",
        "SkuPriceId": f"{sku}/{format_scaled(price, LINE_DECIMALS)}",
        "x_CreditAmount": event.credit_nanos * PICOS_PER_NANO,
    }
    if tax:
        yield _unpriced("Tax", "Tax on prepaid credit", event.currency, tax, 0)


def _usage(event: RequestDebited, line: CostLine) -> Charge:
    unit, meter = _unit(line.kind)
    sku = f"{event.model}/{line.kind}"
    return {
        **_costs(0, line.amount_picos),
        "EffectiveCost": line.amount_picos,
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{event.model}: {meter}",
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": _quantity(line.quantity),
        "ConsumedUnit": unit,
        "ContractedUnitPrice": line.unit_picos,
        "ListUnitPrice": line.unit_picos,
        "PricingCategory": "Standard",
        "PricingQuantity": _quantity(line.quantity),
        "PricingUnit": unit,
        "SkuId": sku,
        "SkuMeter": meter,
        "SkuPriceId": f"{sku}/{event.price_version}/{format_scaled(line.unit_picos, LINE_DECIMALS)}",
        "x_CreditAmount": -line.amount_picos,
        "x_KeyId": event.key_id,
    }


def _unpriced(category: str, description: str, currency: str, billed_picos: int, credit_nanos: int) -> Charge:
    """A row without a unit price."""
    return {
        **_costs(billed_picos, billed_picos),
        "EffectiveCost": 0,
        "BillingCurrency": currency.upper(),
        "ChargeCategory": category,
        "ChargeDescription": description,
        "ChargeFrequency": "One-Time",
        "x_CreditAmount": credit_nanos * PICOS_PER_NANO,
    }


def _costs(billed: int, listed: int) -> Charge:
    return {"BilledCost": billed, "ContractedCost": listed, "ListCost": listed}


def _in_pricing_currency(charge: Charge) -> Charge:
    """Columns of a price. Pricing and billing currency are the same: USD for usage, and the pack's currency for a pack."""
    names = ("ContractedUnitPrice", "EffectiveCost", "ListUnitPrice")
    return {
        "PricingCurrency": charge["BillingCurrency"],
        **{f"PricingCurrency{name}": charge[name] for name in names if name in charge},
    }


def _quantity(whole: int) -> int:
    return whole * int(10**QUANTITY_DECIMALS)


def _picos(event: Returning) -> int:
    return event.amount_minor * _scale(event.currency)


def _scale(currency: str) -> int:
    """The currency's smallest unit, in units of a cost's last decimal."""
    scale: int = 10 ** (LINE_DECIMALS - minor_digits(currency))
    return scale


def _unit(kind: str) -> tuple[str, str]:
    """The unit and the meter of a kind of cost line."""
    head, _, _ = kind.partition(":")
    if head in TOKEN_KINDS:
        return "Tokens", f"{head.replace('_', ' ').title()} Tokens"
    if head == "image":
        return "Images", "Images"
    if head == "rounding":
        return "Requests", "Rounding"
    return "Calls", "Calls of Tools"
