"""What the commands of the lab are called with. Standard library alone, so that --help answers at once."""

from __future__ import annotations

import argparse
from typing import Any

from src.cli.search_arguments import add_format


def add(command: Any) -> None:
    """command: adds one of the given name, module, function and help."""
    text = "say which of some labels picture files show, and how likely that is; needs no library"
    _add_classify(command("classify", "classify", "classify", text))
    text = "measure how well models tell the classes of a labelled set of pictures; needs no library"
    _of_labelled(command("evaluate", "lab", "evaluate", text))
    text = "ask whether similar pictures of a labelled set have similar vectors; needs no library"
    study = _of_labelled(command("study", "lab", "study", text))
    laid_out = command("map", "maps", "lay_out", "lay the library out as a map, and list the clusters of its photos")
    laid_out.add_argument("--again", action="store_true", help="lay it out anew where there is a map")
    study.add_argument("--queries", metavar="N", type=int, help="ask with so many pictures (a sixth)")


def _add_classify(parser: argparse.ArgumentParser) -> None:
    add_format(parser)
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a picture or a folder (searched with its sub-folders)"
    )
    text = "labels with commas between, a file with one a line, or imagenet, vocabulary, coco, scenes, cifar10"
    parser.add_argument("--labels", metavar="A,B|FILE|LIST", help=text)
    parser.add_argument("--top-k", metavar="N", type=int, default=5, help="tell so many labels of each (5)")
    parser.add_argument(
        "--several", action="store_true", help="judge each label by itself: a picture may have several, or none"
    )
    text = "how a label is put to the model, such as “a drawing of {}”; may be given several times"
    parser.add_argument("--template", metavar="TEXT", action="append", default=[], help=text)
    parser.add_argument("--csv", metavar="FILE", help="write a table too, a line for each label of each picture")


def _of_labelled(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("folder", metavar="DIR", help="a folder with a folder of pictures for each class")
    parser.add_argument("--labels", metavar="FILE", help="CSV with the columns file and label, of pictures in DIR")
    parser.add_argument("--level", metavar="N", type=int, default=1, help="so many folders deep make a class (1)")
    text = "measure these (all that are here, and a floor); vgg16 and vgg16-fc7 are two cuts, layers of one network"
    parser.add_argument("--models", metavar="A,B", help=text)
    parser.add_argument("--html", metavar="FILE", help="write a report with pictures to one file")
    return parser
