"""Work in the background: what is queued, what runs, and what came of it."""
