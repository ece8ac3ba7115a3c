"""The app as ``streamlit run app.py`` starts it, which notes each run of its pages: for the benchmark tasks.

python -m benchmarks.timed_app FILE OPTIONS...: a line of JSON in FILE for each run of the script or of a part of it,
``begun`` (seconds since 1970) and ``ms``, from when the server begins with it until it is done.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.web import cli


def main() -> None:
    noted, run = Path(sys.argv[1]), ScriptRunner._run_script

    def timed(self: ScriptRunner, *told: Any) -> None:
        begun, started = time.time(), time.perf_counter()
        try:
            run(self, *told)
        finally:
            with noted.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"begun": begun, "ms": 1000 * (time.perf_counter() - started)}) + "\n")

    ScriptRunner._run_script = timed  # type: ignore[method-assign]
    sys.argv = ["streamlit", "run", "app.py", *sys.argv[2:]]
    cli.main()


if __name__ == "__main__":
    main()
