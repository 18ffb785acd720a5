"""Monthly statements: the figures, and a page of them that prints."""
