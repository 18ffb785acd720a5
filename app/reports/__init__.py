"""Reports, computed from the events on request. They are not stored."""
