"""Who signs in: e-mail, password and sessions, in ordinary tables beside the ledger, and never in an event."""
