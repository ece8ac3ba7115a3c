"""The command line: python -m src.cli, or mfe where this is installed as a command."""
