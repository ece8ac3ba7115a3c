"""``python -m src.cli``."""

import sys

from src.cli.arguments import main

if __name__ == "__main__":
    sys.exit(main())
