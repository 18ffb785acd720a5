"""The books, made from the events when they are asked for: nothing of them is stored."""
