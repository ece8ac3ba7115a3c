"""What others have measured on a well-known set, to be read beside one's own figures: with where it stands, and what
differs. Their addresses are as they were read in November 2026.
"""

from __future__ import annotations

from collections.abc import Collection

from src.schema.lab import Published

_FROZEN = "https://github.com/rasbt/deeplearning-models, pytorch_ipynb/transfer/transferlearning-vgg16-cifar10-1.ipynb"
_NEAREST = "https://github.com/aayushg97/CIFAR-representations"
_FEW = "https://github.com/oussama95boussaid/Feature_Extraction_with_Cifar10"
CLASSES = frozenset(
    {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
)
_CIFAR10 = (
    Published(
        "VGG-16 with ImageNet weights, frozen; two new layers on its 4,096 numbers",
        0.8425,
        "learned from 50,000 pictures enlarged to 224 x 224 and asked with 10,000; two layers, not a linear probe",
        _FROZEN,
    ),
    Published(
        "the same, given the pictures at 32 x 32",
        0.65,
        "said to be about that; else as above",
        _FROZEN,
    ),
    Published(
        "features of a pretrained VGG, made once; a classifier on them",
        0.7235,
        "learned from 1,000 pictures, 100 of each class; of its validation set; with which weights is not said",
        _FEW,
    ),
    Published(
        "VGG's shape with random weights, 512 numbers; the nearest picture",
        0.4005,
        "the one nearest of 50,000 (by distance) decides, not a vote of 10; asked with 10,000",
        _NEAREST,
    ),
    Published("the pixels themselves; the nearest picture", 0.3539, "as above", _NEAREST),
)


def published(labels: Collection[str]) -> tuple[Published, ...]:
    """What is known of a set with these classes; nothing of one that is not CIFAR-10."""
    return _CIFAR10 if {label.casefold() for label in labels} == CLASSES else ()


def comparison(asked: int, learned: int) -> str:
    """How far figures from elsewhere may be compared with those of a set of these sizes."""
    return (
        f"Here {learned:,} pictures were learned from and {asked:,} asked with: where others learned from more, a lower"
        " figure may come of that alone. VGG-16 with ImageNet weights is measured here too, where its weights are."
    )
