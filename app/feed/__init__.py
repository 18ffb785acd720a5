"""What happens to accounts, told as it happens to whoever listens."""
