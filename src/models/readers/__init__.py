"""Models that read the words in pictures, a module each."""
