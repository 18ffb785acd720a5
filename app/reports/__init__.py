"""Reports, computed from the events on request. Nothing of them is stored."""
