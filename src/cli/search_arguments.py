"""Arguments of the commands that search and follow the library, and those that say in which shape something is listed.

Nothing but the standard library is imported here.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PICTURES = ("auto", "off", "blocks", "kitty", "iterm", "sixel")
"""How pictures are drawn in a terminal."""
_SHAPES = {
    "json": "one JSON value",
    "jsonl": "a JSON object a line",
    "tsv": "columns with tabs between them",
    "paths": "the files' paths alone",
}


def add_format(parser: argparse.ArgumentParser, paths: bool = False) -> argparse.ArgumentParser:
    """--format, and where rows stand for files -0. paths: whether they do."""
    return _add_shapes(parser, [shape for shape in _SHAPES if paths or shape != "paths"])


def _add_shapes(parser: argparse.ArgumentParser, shapes: Sequence[str]) -> argparse.ArgumentParser:
    text = "; ".join(f"{shape}: {_SHAPES[shape]}" for shape in shapes)
    parser.add_argument("--format", dest="output", choices=shapes, metavar="FORMAT", help=text)
    if "paths" in shapes:
        text = "paths alone, with a zero byte after each, for xargs -0"
        parser.add_argument("-0", "--print0", action="store_true", help=text)
    return parser


def settle_format(arguments: argparse.Namespace) -> None:
    """Make of --json, --format and -0 one answer: ``output``, and ``json`` where that is json."""
    output = getattr(arguments, "output", None)
    if arguments.json and output not in (None, "json"):
        arguments.wrong_usage(f"--json is --format json: it can't be --format {output} as well")
    if getattr(arguments, "print0", False):
        if arguments.json or output not in (None, "paths"):
            arguments.wrong_usage("-0 is for --format paths")
        output = "paths"
    arguments.json = arguments.json or output == "json"
    if hasattr(arguments, "output"):
        arguments.output = output


def add_search_commands(command: Any) -> None:
    search = command("search", "photos", "search", "find pictures by words, by an example picture, or by both")
    search.add_argument("text", nargs="*", metavar="TEXT", help="what you are looking for")
    search.add_argument("--image", metavar="FILE", type=Path, help="a picture that the results should look like")
    search.add_argument("--top-k", metavar="N", type=int, default=20, help="number of results (20)")
    search.add_argument("--queries", metavar="FILE", help="one text query a line; searches them all at once")
    search.add_argument(
        "--in", dest="mode", choices=("images", "objects", "both"), default="images", help="what is searched (images)"
    )
    alike = search.add_mutually_exclusive_group()
    alike.add_argument(
        "--looks-like", action="store_true", help="compare --image by how photos look, not what they mean"
    )
    alike.add_argument("--in-space", metavar="NAME", help="compare --image in this space of vectors (see spaces)")
    search.add_argument("--folder", metavar="DIR", help="only pictures in this folder and its sub-folders")
    search.add_argument("--since", metavar="DAY", help="only pictures taken on this day (YYYY-MM-DD) or later")
    search.add_argument("--until", metavar="DAY", help="only pictures taken on this day or earlier")
    add_where(search)
    add_format(search, paths=True)
    search.add_argument("-i", "--interactive", action="store_true", help="ask for one search after another")
    text = "draw pictures with --interactive: %(choices)s (auto: as far as the terminal can)"
    search.add_argument("--pictures", choices=PICTURES, default="auto", metavar="HOW", help=text)

    watch = command("watch", "watch", "watch", "print each picture as it becomes findable, until Ctrl-C")
    _add_shapes(watch, ("jsonl", "paths"))

    text = "print a script with which a shell completes commands, options and files"
    completion = command("completion", "completion", "completion", text)
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))


def add_where(parser: argparse.ArgumentParser) -> None:
    facts = "camera=nikon, iso=100..400, rating>=4 or keywords=wedding"
    text = f"only pictures with this fact, such as {facts}; may be given several times"
    parser.add_argument("--where", metavar="FACT", action="append", default=[], help=text)
