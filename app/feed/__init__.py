"""Live account events: sent, as they are recorded, to everyone who listens to the account."""
