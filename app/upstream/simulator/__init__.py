"""The simulator: an upstream in this process that answers from the request alone and misbehaves on request."""

from app.upstream.simulator.directives import RULES, grammar
from app.upstream.simulator.upstream import SimulatorAnswer, SimulatorUpstream

__all__ = ["RULES", "SimulatorAnswer", "SimulatorUpstream", "grammar"]
