"""Proofs about the log, pure: leaves, trees, tiles, notes, checkpoints, receipts. Nothing here reads a store, a file or a clock."""
