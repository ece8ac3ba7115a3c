"""What runs, and what came of it."""
