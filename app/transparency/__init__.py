"""Tamper evidence: the log is sealed off the hot path, receipts are made, and all of it is checked again."""
