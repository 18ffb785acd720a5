"""How a provider's export is read, as the file spells it."""

from __future__ import annotations

import pytest

from app.settings import parse
from app.settings.errors import SettingsError
from tests.app.settings.test_shape import UPSTREAM

EXPORT = '[[provider_export]]\nname = "openai"\nupstream = "openai"\nrequest_id = "id"\n'


def test_columns_that_are_not_named_are_not_read() -> None:
    [export] = parse(UPSTREAM + EXPORT, environ={}).provider_exports
    assert (export.request_id, export.input_tokens, export.cost, export.delimiter) == ("id", None, None, ",")
    assert (export.markup, export.tolerance, export.input_includes_cached) == ("0", "0.000001", True)


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        (
            EXPORT.replace('upstream = "openai"', 'upstream = "other"'),
            "provider_export[0].upstream",
            "no [[upstream]] named 'other'",
        ),
        (EXPORT + EXPORT, "provider_export[1].name", "openai"),
        (EXPORT + 'markup = "-1"\n', "provider_export[0].markup", "must not be negative"),
        (EXPORT + 'tolerance = "x"\n', "provider_export[0].tolerance", "decimal number"),
        (EXPORT + 'delimiter = ";;"\n', "provider_export[0].delimiter", "length"),
        (EXPORT + 'requestid = "x"\n', "provider_export[0].requestid", "mean request_id?"),
    ],
)
def test_what_is_wrong_is_named(text: str, key: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(UPSTREAM + text, environ={})
    assert key in str(caught.value)
    assert hint in str(caught.value)
