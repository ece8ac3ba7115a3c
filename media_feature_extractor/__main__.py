"""``mfe``, ``media-feature-extractor`` and ``python -m media_feature_extractor``: the command line."""

import sys

from src.cli.arguments import main

if __name__ == "__main__":
    sys.exit(main())
