"""Accounts, API keys, and the people who sign in. E-mail, password and sessions are in ordinary tables, never in an event."""
