"""Metrics: what is counted, under which labels, and that nobody outside can make a series."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from app.telemetry.metrics import BUCKETS_MAX, Metrics
from app.telemetry.phases import Phases
from domain.usage import Usage

PHASES = Phases(parse=0.001, admit=0.004, first_byte=0.3, stream=2.0, settle=0.004, total=2.4)


def built() -> Metrics:
    return Metrics(["gpt-5.4-mini", "org/other-model"], ["openai"])


def series(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    body, _ = metrics.render()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return series(metrics)[f"realrouter_{name}", frozenset(labels.items())]


def count(metrics: Metrics) -> int:
    return sum(1 for name, _ in series(metrics) if not name.endswith("_created"))


def test_a_request_counts_once_with_its_phases() -> None:
    metrics = built()
    for status in (200, 200, 402):
        metrics.request_done(endpoint="responses", model="gpt-5.4-mini", status=status, phases=PHASES)
    assert value(metrics, "requests_total", endpoint="responses", model="gpt-5.4-mini", status="2xx") == 2
    assert value(metrics, "requests_total", endpoint="responses", model="gpt-5.4-mini", status="4xx") == 1
    for phase, seconds in (("admit", 0.004), ("first_byte", 0.3), ("stream", 2.0), ("settle", 0.004), ("total", 2.4)):
        assert value(metrics, "phase_seconds_count", phase=phase) == 3
        assert abs(value(metrics, "phase_seconds_sum", phase=phase) - 3 * seconds) < 1e-9


def test_a_phase_that_never_came_is_not_observed() -> None:
    metrics = built()
    metrics.request_done(endpoint="chat", model=None, status=401, phases=Phases(total=0.001))
    assert value(metrics, "phase_seconds_count", phase="admit") == 0
    assert value(metrics, "phase_seconds_count", phase="total") == 1
    assert value(metrics, "requests_total", endpoint="chat", model="", status="4xx") == 1


def test_no_client_can_make_a_series() -> None:
    metrics = built()
    metrics.request_done(endpoint="x", model="x", status=999, phases=PHASES)
    metrics.used("x", Usage(input=1, output=1))
    metrics.upstream_error("x", "x")
    metrics.refused("x")
    before = count(metrics)
    for number in range(1000):
        metrics.request_done(endpoint=f"e{number}", model=f"m{number}", status=1000 + number, phases=PHASES)
        metrics.used(f"m{number}", Usage(input=1, output=1))
        metrics.upstream_error(f"u{number}", f"k{number}")
        metrics.refused(f"b{number}")
        metrics.projection_lag(f"p{number}", positions=1, seconds=1)
    assert count(metrics) <= before + 4 * BUCKETS_MAX
    assert len(metrics._request_children) == 0
    assert value(metrics, "requests_total", endpoint="other", model="other", status="other") == 1001
    assert value(metrics, "tokens_total", kind="input", model="other") == 1001


def test_tokens_are_counted_by_kind_and_model() -> None:
    metrics = built()
    metrics.used("org/other-model", Usage(input=5, cached_input=7, output=11, reasoning=3, image_output=2))
    metrics.used("org/other-model", Usage(input=1))
    found = {
        kind: value(metrics, "tokens_total", kind=kind, model="org/other-model") for kind in ("input", "cached_input")
    }
    assert found == {"input": 6, "cached_input": 7}
    assert value(metrics, "tokens_total", kind="output", model="org/other-model") == 11
    assert value(metrics, "tokens_total", kind="reasoning", model="org/other-model") == 3
    assert value(metrics, "tokens_total", kind="cache_write", model="org/other-model") == 0


def test_money_is_counted() -> None:
    metrics = built()
    metrics.held_nanos.inc(2_000_000)
    metrics.charged_nanos.inc(99_000)
    metrics.released_nanos.inc(1)
    metrics.unbilled(5)
    metrics.overrun(7)
    metrics.cancelled.inc()
    assert value(metrics, "held_nanos_total") == 2_000_000
    assert value(metrics, "charged_nanos_total") == 99_000
    assert value(metrics, "released_nanos_total") == 1
    assert (value(metrics, "unbilled_total"), value(metrics, "unbilled_nanos_total")) == (1, 5)
    assert (value(metrics, "overrun_total"), value(metrics, "overrun_nanos_total")) == (1, 7)
    assert value(metrics, "cancelled_total") == 1


def test_requests_with_unknown_members_are_counted_by_endpoint() -> None:
    metrics = built()
    metrics.unknown_members("chat")
    metrics.unknown_members("chat")
    assert value(metrics, "unknown_members_total", endpoint="chat") == 2
    assert value(metrics, "unknown_members_total", endpoint="responses") == 0


def test_open_holds_are_asked_for_at_each_scrape() -> None:
    metrics = built()
    held = [3.0]
    metrics.watch(open_holds=lambda: held[0], in_flight=lambda: 7)
    assert value(metrics, "requests_in_flight") == 7
    assert value(metrics, "open_holds") == 3
    held[0] = 0.0
    assert value(metrics, "open_holds") == 0


def test_the_ledger_is_seen() -> None:
    metrics = built()
    metrics.committed(size=100, seconds=0.004)
    metrics.commit_waited(0.009)
    metrics.refused("available")
    metrics.refused("available")
    metrics.unknown_topics.set(1)
    assert value(metrics, "commit_batch_size_bucket", le="100.0") == 1
    assert value(metrics, "commit_batch_size_bucket", le="50.0") == 0
    assert value(metrics, "commit_seconds_count") == 1
    assert value(metrics, "commit_wait_seconds_sum") == 0.009
    assert value(metrics, "ledger_refusals_total", bucket="available") == 2
    assert value(metrics, "unknown_topics") == 1


def test_projection_lag_is_the_newest_figure() -> None:
    metrics = built()
    metrics.projection_lag("balances", positions=50, seconds=2.5)
    metrics.projection_lag("balances", positions=0, seconds=0)
    metrics.projection_lag("usage", positions=7, seconds=0.5)
    assert value(metrics, "projection_lag_positions", projection="balances") == 0
    assert value(metrics, "projection_lag_positions", projection="usage") == 7
    assert value(metrics, "projection_lag_seconds", projection="usage") == 0.5


def test_upstream_errors_have_a_name_and_a_kind() -> None:
    metrics = built()
    metrics.upstream_error("openai", "timeout")
    assert value(metrics, "upstream_errors_total", upstream="openai", kind="timeout") == 1


def test_two_of_them_share_nothing() -> None:
    first, second = built(), built()
    first.cancelled.inc()
    assert (value(first, "cancelled_total"), value(second, "cancelled_total")) == (1, 0)


def test_the_content_type_is_that_of_prometheus() -> None:
    _, content_type = built().render()
    assert content_type.startswith("text/plain; version=")
