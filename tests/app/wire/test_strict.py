"""What does not fit a shape is rejected by the path of the first misfit."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from app.wire.exchange import RequestError
from app.wire.strict import Shape, strict


class Inner(Shape, frozen=True, gc=False):
    size: Literal["small", "large"]
    count: int | None = None


class Outer(Shape, frozen=True, gc=False):
    inner: list[Inner]


_outer = msgspec.json.Decoder(Outer)


def test_what_fits_is_decoded() -> None:
    decoded = strict(msgspec.Raw(b'{"inner":[{"size":"small","count":null}]}'), _outer, "tool")
    assert decoded == Outer([Inner("small")])


@pytest.mark.parametrize(
    ("raw", "param", "code"),
    [
        (b'{"inner":[{"size":"small","other":1}]}', "tool.inner[0].other", "unknown_parameter"),
        (b'{"inner":[{"count":1}]}', "tool.inner[0].size", "missing_required_parameter"),
        (b'{"inner":[{"size":"huge"}]}', "tool.inner[0].size", "invalid_value"),
        (b'{"inner":[{"size":"small","count":"1"}]}', "tool.inner[0].count", "invalid_type"),
        (b'{"inner":null}', "tool.inner", "invalid_type"),
        (b"{}", "tool.inner", "missing_required_parameter"),
        (b"3", "tool", "invalid_type"),
    ],
)
def test_a_misfit_is_rejected_by_its_path(raw: bytes, param: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        strict(msgspec.Raw(raw), _outer, "tool")
    assert (caught.value.param, caught.value.code) == (param, code)
    assert param in caught.value.message
