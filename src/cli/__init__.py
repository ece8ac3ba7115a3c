"""The command line: python -m src.cli."""
