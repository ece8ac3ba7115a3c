"""Makes ``.venv`` and installs the pinned packages into it: ``python3 scripts/setup.py [--dev | --train]``.

Quick when all is there.
"""

import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from scripts import gate  # noqa: E402

gate.require_python()

from scripts import environment  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(environment.main(sys.argv[1:]))
