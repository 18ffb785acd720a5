"""Proofs about the log: leaves, trees, tiles, notes, checkpoints, receipts. Pure: no store, no files, no clock."""
