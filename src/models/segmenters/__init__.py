"""Models that find things in pictures. Each module's ``load`` makes one from its row in the registry."""
