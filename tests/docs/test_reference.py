"""Routes, metrics, simulator directives and events in ops/reference.md, compared with the code: both a missing entry and an
outdated one fail. The other parts of the reference are in test_reference_*.py.

Rule: expectations come from the code itself (the map of routes, the registry of metrics and so on); nothing that the reference
should say is written down a second time here.
"""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.routes import application, openapi
from app.services import Services
from app.settings import Settings
from app.telemetry.metrics import Metrics
from app.upstream.simulator.directives import RULES
from domain.events import EVENTS
from tests.support.docs.documents import Document, spans
from tests.support.docs.reference import REFERENCE, rows


def test_the_routes_are_those_of_the_application() -> None:
    app = application(cast(Services, SimpleNamespace(settings=Settings())))
    served = {
        (method, re.sub(r"<path:\w+>|<\w+>", "{id}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(row[0].strip("`"), row[1].strip("`")) for row in REFERENCE.rows("Routes", 4)} == served


def test_the_key_that_a_route_needs_is_the_one_in_the_openapi_document() -> None:
    app = application(cast(Services, SimpleNamespace(settings=Settings())))
    documented = {(row[0].strip("`").lower(), row[1].strip("`")): row[2] for row in REFERENCE.rows("Routes", 4)}
    words = {"": "none", "session": "session", "session key": "session or key", "key": "required", " key": "optional"}
    for path, operations in json.loads(openapi.document(app))["paths"].items():
        for method, operation in operations.items():
            schemes = " ".join("".join(each) for each in operation["security"])
            assert documented[method, re.sub(r"{\w+}", "{id}", path)] == words[schemes], path


def test_the_metrics_with_their_kinds_and_labels() -> None:
    collectors: list[Any] = list(Metrics([], []).registry._collector_to_names)
    registered = {
        f"{metric._name}_total" if metric._type == "counter" else metric._name: (metric._type, set(metric._labelnames))
        for metric in collectors
        if hasattr(metric, "_labelnames")
    }
    assert {name: (cells[0], spans(cells[1])) for name, cells in rows("Metrics", 4).items()} == registered


@pytest.mark.parametrize("path", ["ops/reference.md", "ops/runbook.md"])
def test_no_metric_is_named_that_does_not_exist(path: str) -> None:
    named = {name for span in Document(path).spans() for name in re.findall(r"\brealrouter_[a-z_]+\b(?!\.py)", span)}
    assert named
    assert named <= set(rows("Metrics", 4))


def test_the_simulator_directives_with_their_bounds_and_meanings() -> None:
    assert {name: cells[0] for name, cells in rows("The simulator", 2).items()} == {
        str(rule): rule.meaning for rule in RULES.values()
    }


def test_the_event_topics() -> None:
    assert set(rows("Events", 3)) == {event.TOPIC for event in EVENTS}
