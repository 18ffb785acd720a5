"""The configuration: `load` reads `realrouter.toml` into frozen, validated values, or reports the line that is wrong."""

from app.settings.demo import demo_config
from app.settings.errors import SettingsError
from app.settings.load import load, parse
from app.settings.secret import Secret
from app.settings.shape import (
    BillingSettings,
    CallPrices,
    FilesSettings,
    LimitSettings,
    LogSettings,
    ModelSettings,
    PackSettings,
    PriceSettings,
    ProviderExportSettings,
    ServerSettings,
    ServiceTierPrices,
    Settings,
    StoreSettings,
    StripeSettings,
    TierPrices,
    UpstreamSettings,
    masked_url,
)

__all__ = [
    "BillingSettings",
    "CallPrices",
    "FilesSettings",
    "LimitSettings",
    "LogSettings",
    "ModelSettings",
    "PackSettings",
    "PriceSettings",
    "ProviderExportSettings",
    "Secret",
    "ServerSettings",
    "ServiceTierPrices",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "StripeSettings",
    "TierPrices",
    "UpstreamSettings",
    "demo_config",
    "load",
    "masked_url",
    "parse",
]
