"""README and docs say what is true: every setting, every command and option, every key file."""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path

import pytest

from src.cli import _parser

PROJECT = Path(__file__).resolve().parent.parent
README = (PROJECT / "README.md").read_text()


def settings() -> set[str]:
    text = (PROJECT / "src" / "config.py").read_text()
    constants = {str(node.value) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    return {value for value in constants if re.fullmatch(r"MFE_[A-Z_]+", value)}


def test_every_setting_is_in_the_readme_and_none_is_made_up() -> None:
    known = settings()
    assert len(known) >= 7
    assert set(re.findall(r"`(MFE_[A-Z_]+)`", README)) - {"MFE_TEST_DATA"} == known


def test_every_command_and_option_is_in_the_readme() -> None:
    commands = next(action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    looking_after = {"sync", "folders", "forget-missing", "doctor", "export-library", "import-library"}
    assert set(commands.choices) == {"index", "search", "objects", "export", "stats", "clear", "models"} | looking_after
    for name, parser in commands.choices.items():
        assert f"`{name}" in README, f"the README does not tell of {name}"
        for option in (o for action in parser._actions for o in action.option_strings if o.startswith("--") and o != "--help"):
            assert option in README, f"the README does not tell of {name} {option}"


@pytest.mark.parametrize("document", ["README.md", *(str(p.relative_to(PROJECT)) for p in (PROJECT / "docs").glob("*.md"))])
def test_links_and_named_files_exist(document: str) -> None:
    path = PROJECT / document
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{document} links to {target}"


def test_the_two_commands_come_first() -> None:
    assert README.index("make run") < 1500 and README.index("make test") < 3000
