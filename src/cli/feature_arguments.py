"""What the commands about vectors are called with. Standard library alone, so that --help answers at once."""

from __future__ import annotations

import argparse
from typing import Any

from src.cli.search_arguments import add_format, add_where

FORMATS = ("npz", "npy", "clip-retrieval")
KINDS = ("image", "object", "text", "description")


def add(command: Any) -> None:
    """command: adds one of the given name, module, function and help."""
    text = "write vectors of photos for numpy, pandas, FAISS or clip-retrieval; --model names whose"
    export = command("export-features", "features", "export", text)
    export.add_argument("place", metavar="TARGET", help="the new .npz, folder or ZIP")
    text = "%(choices)s (npz where TARGET ends so, else npy)"
    export.add_argument("--format", choices=FORMATS, metavar="FORMAT", help=text)
    export.add_argument("--kind", choices=KINDS, default="image", help="what the vectors are of (image)")
    add_chosen(export, "only photos that are strong or likely matches of this")

    import_ = command(
        "import-features", "features", "import_", "take vectors made elsewhere over, as a space of theirs"
    )
    import_.add_argument("file", metavar="FILE", help="a .npz, a .npy with its .parquet, or a folder with both")
    import_.add_argument("--name", required=True, help="what the space is to be called")

    spaces = add_format(command("spaces", "features", "spaces", "list the spaces in which photos have vectors"))
    change = spaces.add_mutually_exclusive_group()
    change.add_argument(
        "--make", metavar="MODEL", help="make the vectors of all photos by a model, such as builtin-visual"
    )
    change.add_argument("--remove", metavar="NAME", help="forget the vectors of a space; the photos stay")
    spaces.add_argument("--yes", action="store_true", help="really remove it")


def add_chosen(parser: argparse.ArgumentParser, search: str) -> None:
    """Which photos are exported. search: what --search TEXT does."""
    parser.add_argument("--search", metavar="TEXT", help=search)
    parser.add_argument("--weak", action="store_true", help="weak matches of the search too")
    parser.add_argument("--top-k", metavar="N", type=int, default=200, help="of the search, so many results (200)")
    parser.add_argument(
        "--in", dest="mode", choices=("images", "objects", "both"), default="both", help="what is searched (both)"
    )
    add_where(parser)
