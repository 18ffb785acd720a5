"""Uploaded files: what comes in, where it is kept, and what requests see of it."""
