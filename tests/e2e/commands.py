"""Commands of the command line, run in this process: nothing is started and nothing imported anew."""

from __future__ import annotations

import io
import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from src.cli.arguments import main


def cli(
    *arguments: object, home: Path, check: int | None = 0, encoding: str = "utf-8", **env: str
) -> subprocess.CompletedProcess[str]:
    """A command on the library in ``home``; it ends with the status ``check``, where that is not None.

    encoding: of its output. env: variables, of which no other that begins with MFE_ is set.
    """
    words = [str(argument) for argument in arguments]
    out, errors = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(errors):
        for name in [name for name in os.environ if name.startswith("MFE_")]:
            patch.delenv(name)
        for name, value in {"MFE_HOME": str(home), **env}.items():
            patch.setenv(name, value)
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
    said = [(stream.flush(), stream.buffer.getvalue().decode(encoding, "replace"))[1] for stream in (out, errors)]  # type: ignore[attr-defined,func-returns-value]
    assert check is None or code == check, (code, *said)
    return subprocess.CompletedProcess(words, code, *said)
