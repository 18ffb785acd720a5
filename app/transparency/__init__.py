"""Tamper evidence: sealing the log in the background, making receipts, and verifying both."""
