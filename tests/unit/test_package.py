"""The wheel: it holds all that runs and nothing else, and its commands work where no checkout is."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import src
from scripts import environment, gate
from src import config
from src.cli import called

ROOT = environment.ROOT
PACKAGE = "media_feature_extractor"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built with what is installed here, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.fixture(scope="module")
def unpacked(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installation would put on the import path."""
    place = tmp_path_factory.mktemp("site-packages")
    wheel.extractall(place)
    return place


def kept_files(*under: str) -> set[str]:
    """What git has, or would take, of these."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *under]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).exists()}


@pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="compares with what git has, and there is none"
)
def test_the_wheel_holds_every_file_of_src_byte_by_byte_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    beside = {
        "app.py",
        ".streamlit/config.toml",
        "requirements-models.txt",
        "requirements-mcp.txt",
        "requirements-map.txt",
    }
    ours = {f"{PACKAGE}/{name}": ROOT / name for name in kept_files("src") | beside}
    ours |= {name: ROOT / name for name in kept_files(PACKAGE)}
    assert inside == set(ours) and len(inside) > 400
    assert [name for name, file in ours.items() if wheel.read(name) != file.read_bytes()] == []


def test_the_wheel_says_what_it_needs_and_under_which_terms_it_stands(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    told = Parser().parsestr(wheel.read(next(name for name in names if name.endswith("/METADATA"))).decode())
    pins = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line]
    needed = [line for line in told.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert sorted(needed) == sorted(pins) and told["Version"] == src.__version__
    licences = {path.relative_to(ROOT).as_posix() for path in (ROOT / "LICENSES").iterdir()} | {"LICENSE", "NOTICE"}
    assert set(told.get_all("License-File", [])) == licences
    assert {name.partition(".dist-info/licenses/")[2] for name in names if "/licenses/" in name} == licences


def test_the_same_pythons_may_install_it_and_run_it_from_a_checkout() -> None:
    lowest, too_new = (".".join(map(str, version)) for version in (gate.LOWEST, gate.FIRST_TOO_NEW))
    assert PROJECT["requires-python"] == f">={lowest},<{too_new}"


def installed(place: Path, home: Path, code: str, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run ``code`` in a Python that has this installed, in another folder than its files."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("MFE_", "XDG_"))}
    environ |= {"PYTHONPATH": str(place), "HOME": str(home), "LOCALAPPDATA": str(home), **variables}
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=home, env=environ, capture_output=True, text=True, timeout=120)


COMMAND = """
import sys
from importlib.metadata import entry_points
sys.argv[0] = "/somewhere/bin/" + sys.argv[1]
(entry,) = entry_points(group="console_scripts", name=sys.argv.pop(1))
sys.exit(entry.load()())
"""


@pytest.mark.parametrize("name", called.COMMANDS)
def test_each_command_says_how_it_was_called_and_which_version_it_is(unpacked: Path, tmp_path: Path, name: str) -> None:
    assert set(PROJECT["scripts"]) == set(called.COMMANDS)
    helped = installed(unpacked, tmp_path / "home", COMMAND, name)
    assert helped.returncode == 0 and helped.stdout.startswith(f"usage: {name} ") and " app " in helped.stdout
    assert (
        installed(unpacked, tmp_path / "home", COMMAND, name, "--version").stdout
        == f"Media Feature Extractor {src.__version__}\n"
    )


def test_an_installed_command_keeps_its_library_where_the_system_keeps_data(unpacked: Path, tmp_path: Path) -> None:
    home, data = tmp_path / "home", tmp_path / "kept"
    told = installed(unpacked, home, COMMAND, "mfe", "search", "cat", XDG_DATA_HOME=str(data))
    assert told.stdout == "There is nothing to search yet. First: mfe index FOLDER\n", told.stderr
    found = [file.relative_to(tmp_path) for file in tmp_path.rglob("catalog.sqlite3")]
    assert len(found) == 1 and found[0].parts[-3:-1] == ("media-feature-extractor", "data")
    assert found[0].parts[0] == "kept" or not sys.platform.startswith("linux")


def test_a_decoder_process_starts_in_any_folder_also_where_python_looks_for_nothing_there(
    unpacked: Path, tmp_path: Path
) -> None:
    """A stranger's ``src`` in the current folder is not taken for ours."""
    code = (
        "import media_feature_extractor\n"
        "from src.config import INSTALLED, own_home\n"
        "from src.processing.decoding.decoder_pool import DecoderPool\n"
        "assert INSTALLED and own_home().name == 'media-feature-extractor'\n"
        "pool = DecoderPool(1, 2**28)\n"
        "pool._decoders[0]._start()\n"
        "print(len(pool.processes()))\n"
        "pool.close()\n"
    )
    foreign = tmp_path / "home" / "src"
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").write_text("raise SystemExit('a stranger ran')")
    for variables in ({}, {"PYTHONSAFEPATH": "1"}):
        told = installed(unpacked, tmp_path / "home", code, **variables)
        assert told.stdout == "1\n", told.stderr


def test_a_checkout_says_how_it_is_called_and_keeps_its_library_in_its_own_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not config.INSTALLED and config.own_home() == ROOT and called.program() == "python -m src.cli"
    for typed, name in (("C:/x/Scripts/mfe.exe", "mfe"), ("/usr/bin/mfe", "mfe"), ("/x/src/cli/__main__.py", None)):
        monkeypatch.setattr(sys, "argv", [typed])
        assert called.program() == (name or "python -m src.cli")
    monkeypatch.setattr(called, "INSTALLED", True)
    assert called.program() == "python -m media_feature_extractor"
