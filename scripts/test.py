"""Sets up the test tools, then lints and tests: ``python3 scripts/test.py [--lint] [pytest arguments]``; --lint stops
before the tests.
"""

import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from scripts import gate  # noqa: E402

gate.require_python()

from scripts import checks  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(checks.main(sys.argv[1:]))
