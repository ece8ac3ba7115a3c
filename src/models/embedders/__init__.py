"""Models that turn pictures and words into vectors. ``load`` of each module makes one from its row."""
