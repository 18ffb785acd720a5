"""Uploaded files: upload, storage, and use in requests."""
