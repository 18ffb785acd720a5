"""Payments: checkouts, what the processor announces, and the one way in which money is credited."""
