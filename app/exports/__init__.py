"""Exports: facts are read from the ledger page by page, encoded, and written to a file or sent to a client."""
