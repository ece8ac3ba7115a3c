"""Which pictures are the same, found by what they look like."""
