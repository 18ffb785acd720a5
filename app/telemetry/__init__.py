"""Logs and metrics of a running gateway: one log line per request, and /metrics. Never content, never a secret."""
