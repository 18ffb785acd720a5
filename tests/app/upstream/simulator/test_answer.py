"""An answer is cut at exactly the output limit."""

from __future__ import annotations

import pytest

from tests.support.upstream.simulated import responses
from tests.support.upstream.simulated_responses import EVERY_KIND, streamed


@pytest.mark.parametrize("limit", [1, 2, 7, 16])
async def test_a_limit_cuts_the_answer_at_exactly_that_many_tokens(limit: int) -> None:
    _, final = await streamed(responses(max_output_tokens=limit))
    assert final["status"] == "incomplete"
    assert final["incomplete_details"] == {"reason": "max_output_tokens"}
    assert final["usage"]["output_tokens"] == limit
    assert final["output"][-1]["status"] == "incomplete"


async def test_arguments_that_were_cut_are_an_incomplete_item() -> None:
    _, final = await streamed(EVERY_KIND["limit within arguments"])
    assert final["output"][-1]["status"] == "incomplete"
    assert final["usage"]["output_tokens"] == 5
