"""Account events, live: sent to everyone who listens to an account as they are recorded."""
