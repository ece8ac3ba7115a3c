"""README and docs say what is true: every setting, every command and option, every key file."""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path

import pytest

from src.cli.arguments import _parser
from src.schema.query_keys import KEYS, SORTS

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
    assert (
        set(commands.choices)
        == {"index", "search", "facts", "objects", "duplicates", "export", "stats", "clear", "models"} | looking_after
    )
    for name, parser in commands.choices.items():
        assert f"`{name}" in README, f"the README does not tell of {name}"
        for option in (
            o for action in parser._actions for o in action.option_strings if o.startswith("--") and o != "--help"
        ):
            assert option in README, f"the README does not tell of {name} {option}"


@pytest.mark.parametrize(
    "document", ["README.md", *(str(p.relative_to(PROJECT)) for p in (PROJECT / "docs").glob("*.md"))]
)
def test_links_and_named_files_exist(document: str) -> None:
    path = PROJECT / document
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{document} links to {target}"


def test_every_key_of_the_query_language_is_told_of() -> None:
    page = (PROJECT / "docs" / "search.md").read_text()
    for spelling, key in KEYS.items():
        told = f"`{key.example.replace('|', chr(92) + '|')}` | {key.help} |"
        assert f"`{spelling}:`" in page and told in page, f"docs/search.md does not tell of {spelling}"
    assert all(f"`{order}`" in page for order in SORTS)


def test_the_two_commands_come_first() -> None:
    assert README.index("make run") < 1500 and README.index("make test") < 3000


# ---------------------------------------------------------------- licences

NOTICE = (PROJECT / "NOTICE").read_text()
OWN_SOURCES = {".py", ".css", ".js", ".svg"}
"""Kinds of files that are written for this project."""


def noticed() -> list[str]:
    """The paths that NOTICE has an entry for."""
    return re.findall(r"^(?:src|training)/\S+$", NOTICE, re.MULTILINE)


def test_every_path_and_licence_that_notice_names_is_there() -> None:
    named = re.findall(r"(?:src|training|docs|LICENSES)/[\w./-]*\w/?|\b(?:LICENSE|requirements\.txt)\b", NOTICE)
    assert len(noticed()) >= 9 and [path for path in named if not (PROJECT / path).exists()] == []


def test_every_licence_text_is_named_in_notice_and_is_whole() -> None:
    texts = {f"LICENSES/{path.name}": path.read_text() for path in (PROJECT / "LICENSES").iterdir()}
    assert set(texts) == set(re.findall(r"LICENSES/[\w.-]+\w", NOTICE))
    marks = {
        "LICENSES/Apache-2.0.txt": ("Version 2.0, January 2004", "END OF TERMS AND CONDITIONS"),
        "LICENSES/MIT-OpenAI-CLIP.txt": ("Copyright (c) 2021 OpenAI", "OTHER DEALINGS IN THE\nSOFTWARE."),
        "LICENSES/MIT-Microsoft-TinyViT.txt": (
            "Copyright (c) Microsoft Corporation.",
            "OTHER DEALINGS IN THE\n    SOFTWARE",
        ),
        "LICENSES/WordNet-3.0.txt": ("WordNet Release 3.0", "LICENSEE agrees to preserve same."),
    }
    assert set(texts) == set(marks)
    for name, (first, last) in marks.items():
        assert first in texts[name] and last in texts[name], name


def test_notice_tells_of_every_file_that_is_no_source_of_ours_and_of_every_vendored_folder() -> None:
    entries = noticed()
    files = [
        path.relative_to(PROJECT)
        for room in ("src", "training")
        for path in (PROJECT / room).rglob("*")
        if path.is_file()
    ]
    strange = [str(path) for path in files if path.suffix not in OWN_SOURCES and "__pycache__" not in path.parts]
    assert len(strange) >= 7 and [path for path in strange if path not in entries] == []
    vendored = [f"{path.relative_to(PROJECT)}/" for path in (PROJECT / "src").glob("vendored_*")]
    assert len(vendored) == 2 and set(vendored) <= set(entries)


def test_the_weights_terms_stand_where_the_licence_is() -> None:
    for document in ((PROJECT / "LICENSE").read_text(), README):
        text = " ".join(document.split())
        assert "src/models/builtin_files/" in text and "personal and research use" in text and "LICENSES/" in text


def test_no_figure_of_a_tree_with_uncommitted_changes_is_shown() -> None:
    page = (PROJECT / "docs" / "performance.md").read_text()
    commits = re.findall(r"^\| [a-z_-]+ \| ([0-9a-f]{12}\S*) \|", page, re.MULTILINE)
    assert len(commits) >= 5 and not [commit for commit in commits if commit.endswith("+")]
