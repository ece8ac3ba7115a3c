"""Models that turn pictures and words into vectors of one space. Each module's ``load`` makes one from its row in the registry."""
