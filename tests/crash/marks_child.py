"""A process that does random operations on photos until it is killed: python -m tests.crash.marks_child FILE SEED

It says how many are done, a line each, once they are committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.unit.test_marks_model import Machine

if __name__ == "__main__":
    machine = Machine(Path(sys.argv[1]), int(sys.argv[2]))
    print(0, flush=True)
    for number in range(1, 1_000_000):
        machine.step()
        print(number, flush=True)
