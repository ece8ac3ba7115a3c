"""Which labels are right for photos that people have labelled otherwise: written by hand, for ``benchmarks.labels``.

A class of photos1000 is the labels that its name, its other names or its broader terms (``training/broader_terms.tsv``)
are, and all that these imply; the names of COCO's objects likewise. The tables say what differs from the label's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from src.models import label_lists
from src.models.label_words import Vocabulary

TRAINING = Path(__file__).resolve().parent.parent / "training"
WORDS: Mapping[str, str] = {
    "crustacean": "animal", "sea creature": "animal", "bug": "animal", "clothing": "clothes", "formal wear": "clothes",
    "winter clothing": "clothes", "baby clothing": "clothes", "nightwear": "clothes", "footwear": "shoes",
    "shoe": "shoes", "boot": "boots", "sports shoe": "shoes", "glove": "gloves", "necktie": "tie", "sock": "socks",
    "swimming costume": "swimsuit", "bathing suit": "swimsuit", "armor": "armour", "body armor": "armour",
    "suit of armor": "armour", "electronic device": "electronics", "audio equipment": "electronics",
    "music player": "electronics", "appliance": "household appliance", "kitchen appliance": "household appliance",
    "store": "shop", "tool": "tools", "hand tool": "tools", "power tool": "tools", "trash can": "bin",
    "garbage bin": "bin", "percussion instrument": "musical instrument", "string instrument": "musical instrument",
    "wind instrument": "musical instrument", "brass instrument": "musical instrument",
    "woodwind instrument": "musical instrument", "bike": "bicycle", "motorbike": "motorcycle",
    "sailboat": "sailing boat", "hands": "", "water": "", "gear": "",
    "sailing ship": "sailing boat", "navy ship": "warship", "locomotive": "train", "train car": "train",
    "military vehicle": "vehicle", "armored vehicle": "vehicle", "farm vehicle": "vehicle", "sled": "sledge",
    "religious building": "building", "historic building": "building", "place of worship": "building",
    "computer screen": "computer monitor", "telephone": "phone", "cookware": "kitchenware", "cooking pot": "pot",
    "cooking pan": "frying pan", "pan": "frying pan", "kitchen tool": "kitchenware", "barware": "kitchenware",
    "fungus": "mushroom", "wild mushroom": "mushroom", "farm machine": "machine", "farm equipment": "machine",
    "cabinet": "cupboard", "gym equipment": "sports equipment", "gymnastics equipment": "sports equipment",
    "ink pen": "pen", "books": "book", "theater": "theatre", "dark glasses": "sunglasses",
    "cart": "carriage", "weights": "dumbbell", "citrus fruit": "fruit", "nut": "nuts",
    "office supplies": "stationery", "school supplies": "stationery", "corn on the cob": "corn", "fast food": "food",
    "standing stones": "stone circle", "ancient ruins": "ruin", "ruins": "ruin",
}  # fmt: skip
"""Another name or broader term -> the label that it is."""
CLASSES: Mapping[str, tuple[str, ...]] = {
    "n01608432": ("kite (bird)",), "n02012849": ("crane (bird)",), "n02108089": ("boxer (dog)",),
    "n02229544": ("cricket (insect)",), "n02231487": ("stick insect",), "n02281787": ("butterfly",),
    "n03188531": ("baby",), "n03840681": ("musical instrument",), "n03895866": ("train",), "n03126707": ("crane",),
    "n04371774": ("swing",), "n04525038": ("fabric",), "n06359193": ("screenshot",), "n01924916": ("animal",),
    "n01530575": ("songbird",), "n02165105": ("beetle",), "n03709823": ("bag",), "n02699494": ("church interior",),
    "n04254680": ("football (ball)", "ball"), "n02799071": ("baseball (ball)", "ball"),
    "n02802426": ("basketball (ball)", "ball"), "n04540053": ("volleyball (ball)", "ball"),
    "n07714571": ("cabbage",), "n12144580": ("corn",), "n13133613": ("corn",), "n03124043": ("boots",),
}  # fmt: skip
"""A class whose names mean something else as labels -> its labels."""
COCO: Mapping[str, str] = {
    "person": "people", "tv": "television",
    "cell phone": "phone", "couch": "sofa", "mouse": "computer mouse", "keyboard": "computer keyboard",
    "remote": "remote control", "sports ball": "ball", "hair drier": "hair dryer",
    "donut": "doughnut",
}  # fmt: skip
"""A name of COCO's that is not also the label's word."""


def labels_of_classes(vocabulary: Vocabulary) -> dict[str, set[int]]:
    """WordNet's number of an ImageNet class -> numbers of the labels that are right for it."""
    names = _table(label_lists.CLASSES)
    broader = _table(TRAINING / "broader_terms.tsv")
    return {number: _of_class(vocabulary, number, names[number], broader[number]) for number in names}


def labels_of_coco(vocabulary: Vocabulary, names: Iterable[str]) -> dict[str, set[int]]:
    """A name of COCO's -> numbers of the labels that are right for it; names without a label are left out."""
    known = {name: COCO.get(name, name) for name in names}
    return {name: vocabulary.implied([vocabulary.number(word)]) for name, word in known.items() if word in vocabulary}


def _of_class(vocabulary: Vocabulary, number: str, names: list[str], broader: list[str]) -> set[int]:
    own = CLASSES.get(number, tuple(names))
    words = [*own, *(WORDS.get(name, name) for name in own), *(_ending(vocabulary, term) for term in broader)]
    return vocabulary.implied([vocabulary.number(word) for word in words if word in vocabulary])


def _ending(vocabulary: Vocabulary, term: str) -> str:
    """``terrier dog`` -> ``dog``: the longest ending of a term that is a label."""
    parts = term.split()
    endings = [" ".join(parts[at:]) for at in range(len(parts))]
    return next((word for word in (WORDS.get(ending, ending) for ending in endings) if word in vocabulary), "")


def _table(file: Path) -> dict[str, list[str]]:
    rows = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())
    return {number: names.split(", ") for number, names in rows}
