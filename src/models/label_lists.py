"""Lists of labels that pictures are sorted by: typed, from a file, or one of those that come with the program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from src.errors import BadInput
from src.models import label_words
from src.text import count, folded, shown

CLASSES = label_words.FILE.with_name("imagenet_classes.tsv")
"""WordNet's number and names of each of the 1,000 ImageNet classes, in the classifier's order."""
PRESET_FILES = label_words.FILE.with_name("presets")
IMAGENET, VOCABULARY = "imagenet", "vocabulary"
PRESETS: Mapping[str, str] = {
    IMAGENET: "1,000 things (ImageNet)",
    VOCABULARY: "2,100 words for photos",
    "coco": "80 everyday things (COCO)",
    "scenes": "62 kinds of places and occasions",
    "cifar10": "10 animals and vehicles (CIFAR-10)",
}
"""What comes with the program, and what it is called."""
MOST, LONGEST = 5_000, 100
"""Labels of one list, and characters of one of them, or of how it is asked for."""
MOST_BYTES = MOST * LONGEST * 8
"""Of a file with labels."""
_OWN_NAMES: Mapping[str, str] = {
    "n01608432": "kite (bird)", "n02012849": "crane (bird)", "n02108089": "boxer (dog)",
    "n02229544": "cricket (insect)", "n02113186": "Cardigan corgi", "n03710721": "tank suit",
}  # fmt: skip
"""ImageNet classes whose first name is another class's too, or commonly means another thing."""
_LINE = re.compile(r"(?P<word>[^=>]+?)(?:\s*=\s*(?P<asked>[^=>]+?))?(?:\s*>=\s*(?P<least>[0-9.]+)\s*(?P<per>%?))?")
HINT = "A label is “dog”, “crane = crane bird” to be asked for in other words, or “dog >= 60%” with the least chance."


@dataclass(frozen=True)
class Labelled:
    """A label. word: as it is told and becomes a tag. asked: how a model is asked for it.

    least: the chance, above 0 to 1, from which on it is suggested; None: the usual one.
    """

    word: str
    asked: str
    least: float | None = None

    @property
    def line(self) -> str:
        """As ``read`` reads it."""
        asked = f" = {self.asked}" if self.asked != self.word else ""
        return f"{self.word}{asked}" + (f" >= {self.least:g}" if self.least is not None else "")


@dataclass(frozen=True)
class LabelList:
    """Labels, each once. preset: the id of the list, where it came with the program; empty for others."""

    labels: tuple[Labelled, ...]
    preset: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(one.word for one in self.labels)

    @property
    def texts(self) -> tuple[str, ...]:
        """How a model is asked for each."""
        return tuple(one.asked for one in self.labels)


def read(text: str) -> LabelList:
    """Labels, a line each, or with commas between where there is one line. Lines that begin with ``#`` say nothing.

    Of a label that is there twice, whatever its capitals, the first counts. Raises BadInput for none, too many, and
    what is no label.
    """
    lines = [line for line in text.replace("\ufeff", "").splitlines() if line.strip() and not line.startswith("#")]
    parts = lines[0].split(",") if len(lines) == 1 else lines
    return _checked([_label(part.strip()) for part in parts if part.strip()])


def of(words: Sequence[str]) -> LabelList:
    """A list that was given as such; each as a line of ``read``. Raises BadInput."""
    return _checked([_label(word.strip()) for word in words if word.strip()])


@cache
def preset(name: str) -> LabelList:
    """One of ``PRESETS``. Raises BadInput for another name."""
    if name not in PRESETS:
        raise BadInput(f"There is no list of labels named {shown(name)!r}.", f"There are: {', '.join(PRESETS)}.")
    if name == IMAGENET:
        return LabelList(tuple(Labelled(word, word) for word in class_names()), name)
    if name == VOCABULARY:
        words = label_words.shipped().words
        return LabelList(tuple(Labelled(one.word, one.asked) for one in words), name)
    text = (PRESET_FILES / f"{name}.txt").read_text(encoding="utf-8")
    return LabelList(read(text).labels, name)


def class_names() -> list[str]:
    """A name of each ImageNet class, in the classifier's order; no two are the same."""
    rows = (line.split("\t") for line in CLASSES.read_text(encoding="utf-8").splitlines())
    return [_OWN_NAMES.get(number, names.split(", ")[0]) for number, names in rows]


def from_file(path: Path) -> LabelList:
    """Raises BadInput for a file that can't be read as text, and for what ``read`` refuses."""
    try:
        with path.open("rb") as file:
            return read(decoded(path.name, file.read(MOST_BYTES + 1)))
    except OSError as error:
        raise _no_list(path.name) from error


def decoded(name: str, data: bytes) -> str:
    """The text of a file with labels. Raises BadInput for one that is too large, or no text in UTF-8."""
    if len(data) > MOST_BYTES:
        raise BadInput(f"{shown(name)} is too large for a list of labels.", f"It has {MOST:,} labels at most.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_list(name) from error


def _no_list(name: str) -> BadInput:
    return BadInput(f"{shown(name)} can't be read as a list of labels.", "A text file in UTF-8, a label a line.")


def _checked(labels: Iterable[Labelled]) -> LabelList:
    found: dict[str, Labelled] = {}
    for one in labels:
        found.setdefault(folded(one.word), one)
    if not found:
        raise BadInput("No label is given.", HINT)
    if len(found) > MOST:
        raise BadInput(f"{count(len(found), 'label')} are too many.", f"Give {MOST:,} at most.")
    return LabelList(tuple(found.values()))


def _label(line: str) -> Labelled:
    match = _LINE.fullmatch(line)
    if match is None or shown(line.replace("\t", " ")) != line.replace("\t", " "):
        raise BadInput(f"“{shown(line[:LONGEST])}” is no label.", HINT)
    word = "/".join(filter(None, (" ".join(step.split()) for step in match["word"].split("/"))))  # as tags are kept
    asked = " ".join((match["asked"] or match["word"]).split())
    if not word:
        raise BadInput(f"“{shown(line)}” is no label.", HINT)
    if max(len(word), len(asked)) > LONGEST:
        raise BadInput(f"A label has at most {LONGEST} characters.", "Shorten it.")
    return Labelled(word, asked, _least(match["least"], bool(match["per"]), line))


def _least(number: str | None, percent: bool, line: str) -> float | None:
    if number is None:
        return None
    try:
        least = float(number) / (100 if percent else 1)
    except ValueError:
        least = 0.0
    if not 0 < least <= 1:
        raise BadInput(f"“{shown(line)}” has no chance between 0 and 1 in it.", HINT)
    return least
