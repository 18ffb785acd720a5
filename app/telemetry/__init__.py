"""What operators see of a running gateway: one log line per request, and figures at /metrics. Never content, never a secret."""
