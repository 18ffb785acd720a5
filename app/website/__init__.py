"""The website: a static export, read once and served from memory."""
