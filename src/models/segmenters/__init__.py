"""Models that find things in pictures. ``load`` of each module makes one from its registry row."""
