"""The catalogue: the one SQLite file that holds the truth about the library."""
