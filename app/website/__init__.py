"""The website: a static export, read once, answered from memory."""
