"""README and docs say what is true: every setting, every command and option, every key file."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from src import errors
from src.cli.arguments import _parser
from src.models.model_manager import ModelManager
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
    curating = {"tag", "tags", "rate", "album", "remove", "bin", "undo", "redo", "history", "write-sidecars"}
    vectors = {"export-features", "import-features", "spaces"}
    assert (
        set(commands.choices)
        == {"index", "search", "facts", "read-text", "objects", "duplicates", "export", "stats", "clear", "models"}
        | {"labels", "classify", "describe", "mcp", "app", "evaluate", "study", "tokens", "watch", "completion"}
        | {"insights", "map"}
        | looking_after
        | curating
        | vectors
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


def test_the_entries_for_assistants_start_the_server() -> None:
    page = (PROJECT / "docs" / "assistants.md").read_text()
    read = {"json": json.loads, "toml": tomllib.loads}
    entries = [
        read[kind](text) for kind, text in re.findall(r"^```(json|toml)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    ]
    servers = [next(iter(entry.values()))["photos"] for entry in entries]
    assert [server["args"] for server in servers] == [["-m", "src.cli", "mcp"]] * 3
    assert len({(server["command"], server["env"]["PYTHONPATH"]) for server in servers}) == 1


def test_every_key_of_the_query_language_is_told_of() -> None:
    page = (PROJECT / "docs" / "search.md").read_text()
    for spelling, key in KEYS.items():
        told = f"`{key.example.replace('|', chr(92) + '|')}` | {key.help} |"
        assert f"`{spelling}:`" in page and told in page, f"docs/search.md does not tell of {spelling}"
    assert all(f"`{order}`" in page for order in SORTS)


def published() -> dict[str, Callable[..., object]]:
    """What README shows from Python: of each class its constructor and the methods called.

    Of classes that are made for scripts it is every public method, called or not.
    """
    block = re.search(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert block
    called = set(re.findall(r"\.(\w+)\(", block[1]))
    found = {}
    for node in ast.parse(block[1]).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            for kind in (getattr(module, name.name) for name in node.names):
                for name, member in vars(kind).items() if isinstance(kind, type) else ():
                    shown = name in called or (kind is not ModelManager and not name.startswith("_"))
                    if inspect.isfunction(member) and (shown or name == "__init__"):
                        found[f"{kind.__name__}.{name}"] = member
    return found


@pytest.mark.parametrize("name", published())
def test_what_the_readme_shows_from_python_says_what_it_takes_gives_and_raises(name: str) -> None:
    """In the blocks of Google's style: each parameter, the result, and errors that there are."""
    function = published()[name]
    parts = re.split(r"^(Args|Returns|Raises):\n", inspect.cleandoc(function.__doc__ or ""), flags=re.MULTILINE)
    told = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert parts[0].strip() and list(told) == [part for part in ("Args", "Returns", "Raises") if part in told]

    def entries(part: str) -> list[str]:
        return re.findall(r"^    (\w+): \S", told[part], re.MULTILINE)

    signature = inspect.signature(function)
    assert entries("Args") == [parameter for parameter in signature.parameters if parameter != "self"]
    assert ("Returns" in told) == (signature.return_annotation != "None")
    assert entries("Raises") and all(hasattr(errors, error) or error == "OSError" for error in entries("Raises"))


def test_the_published_functions_are_found() -> None:
    assert {
        *("ModelManager.__init__", "ModelManager.encode", "ModelManager.encode_text", "ModelManager.load_sam"),
        *("VectorDatabase.__init__", "VectorDatabase.create_or_get_collection", "VectorDatabase.add_segments"),
        *("VectorDatabase.search_by_embedding", "RegionSegmenter.segment"),
        *("SegmentExtractor.__init__", "SegmentExtractor.extract", "SegmentExtractor.cut"),
    } <= set(published())


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
        "LICENSES/CC-BY-4.0.txt": ("Attribution 4.0 International\n\n===", "Creative Commons may be contacted at"),
        "LICENSES/MIT-OpenAI-CLIP.txt": ("Copyright (c) 2021 OpenAI", "OTHER DEALINGS IN THE\nSOFTWARE."),
        "LICENSES/MIT-Microsoft-TinyViT.txt": (
            "Copyright (c) Microsoft Corporation.",
            "OTHER DEALINGS IN THE\n    SOFTWARE",
        ),
        "LICENSES/ISC-world-atlas.txt": ("Copyright 2013-2019 Michael Bostock", "PERFORMANCE OF\nTHIS SOFTWARE."),
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
