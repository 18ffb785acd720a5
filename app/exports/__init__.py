"""Exports: facts read page by page from the ledger, through an encoder, to a file or to a client."""
