"""Monthly statements: the figures, and a printable page."""
