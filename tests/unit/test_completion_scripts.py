"""completion: the scripts are run by the shells themselves; a shell that is not here is skipped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from src.cli.arguments import main


@pytest.fixture
def script(tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Path:
    """The script of the shell that the test is for, in a folder with one more file."""
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert main(["completion", shell]) == 0
    (tmp_path / "holiday.jpg").touch()
    file = tmp_path / f"script.{shell}"
    file.write_text(capsys.readouterr().out)
    return file


def run(shell: str, commands: str, folder: Path) -> list[str]:
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run([shell, *flags, "-c", commands], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


CASES = [
    ("sea", "search"),
    ("search --for", "--format"),
    ("search --format pat", "paths"),
    ("index hol", "holiday.jpg"),
    ("completion z", "zsh"),
]


@pytest.mark.parametrize("name", ["mfe", "media-feature-extractor"])
@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash(script: Path, name: str) -> None:
    for typed, wanted in CASES:
        words = [name, *typed.split()]
        commands = (
            f"source {script}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1};"
            f"function=$(complete -p {name} | sed 's/.*-F \\([^ ]*\\).*/\\1/'); $function; echo ${{COMPREPLY[@]}}"
        )
        assert wanted in run("bash", commands, script.parent), typed


@pytest.mark.parametrize("name", ["mfe", "media-feature-extractor"])
@pytest.mark.parametrize("script", ["fish"], indirect=True)
def test_fish(script: Path, name: str) -> None:
    for typed, wanted in CASES:
        assert wanted in run("fish", f"source {script}; complete -C '{name} {typed}'", script.parent), typed


@pytest.mark.parametrize("script", ["zsh"], indirect=True)
def test_zsh_knows_the_script_by_both_names(script: Path) -> None:
    commands = f'autoload -U compinit; compinit -D -u; eval "$(cat {script})";'
    commands += "print $_comps[mfe] $_comps[media-feature-extractor]"
    assert run("zsh", commands, script.parent) == ["_shtab_mfe", "_shtab_mfe"]
    assert script.read_text().startswith("#compdef mfe media-feature-extractor\n")
