"""Payments: checkouts, webhooks, and the crediting of money."""
