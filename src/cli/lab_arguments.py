"""What the commands of the lab are called with. Standard library alone, so that --help answers at once."""

from __future__ import annotations

import argparse
from typing import Any


def add(command: Any) -> None:
    """command: adds one of the given name, module, function and help."""
    text = "measure how well models tell the classes of a labelled set of pictures; needs no library"
    _of_labelled(command("evaluate", "lab", "evaluate", text))
    text = "ask whether similar pictures of a labelled set have similar vectors; needs no library"
    study = _of_labelled(command("study", "lab", "study", text))
    laid_out = command("map", "maps", "lay_out", "lay the library out as a map, and list the clusters of its photos")
    laid_out.add_argument("--again", action="store_true", help="lay it out anew where there is a map")
    study.add_argument("--queries", metavar="N", type=int, help="ask with so many pictures (a sixth)")


def _of_labelled(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("folder", metavar="DIR", help="a folder with a folder of pictures for each class")
    parser.add_argument("--labels", metavar="FILE", help="CSV with the columns file and label, of pictures in DIR")
    parser.add_argument("--level", metavar="N", type=int, default=1, help="so many folders deep make a class (1)")
    parser.add_argument("--models", metavar="A,B", help="measure these (all that are here, and a floor)")
    parser.add_argument("--html", metavar="FILE", help="write a report with pictures to one file")
    return parser
