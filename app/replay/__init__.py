"""Replay: everything that is derived from the events is recomputed and compared with what is stored."""
