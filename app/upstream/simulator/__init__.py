"""The simulator: an in-process upstream that answers deterministically from the request, and fails on request."""

from app.upstream.simulator.directives import RULES, grammar
from app.upstream.simulator.upstream import SimulatorAnswer, SimulatorUpstream

__all__ = ["RULES", "SimulatorAnswer", "SimulatorUpstream", "grammar"]
