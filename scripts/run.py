"""Sets up what is missing, then runs the app: ``python3 scripts/run.py``.

Environment: PORT (8501), OPEN (0: no browser).
"""

import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from scripts import gate  # noqa: E402

gate.require_python()

from scripts import launch  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(launch.main(os.environ))
