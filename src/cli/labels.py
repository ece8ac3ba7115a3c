"""What the built-in model sees in picture files, without a library: labels."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from src.cli import terminal
from src.cli.picture_files import tell_each
from src.config import Settings
from src.errors import BadInput
from src.models.label_bank import Label, LabelBank, LabelBanks
from src.models.model_manager import LoadedModel, ModelManager
from src.models.registry import BUILTIN
from src.processing.decoding.image_io import display_text
from src.processing.decoding.reader import PictureReader
from src.services.curation.labels import sentence
from src.text import shown

SIDE = 448
"""Pixels of a side from which on a picture may be decoded smaller: the model sees 224."""


def labels(arguments: argparse.Namespace) -> int:
    """labels PATH...: words for pictures, and for all pictures in folders, each with how likely it is.

    1 where one of them could not be read.
    """
    settings = Settings.from_env()
    model = ModelManager(BUILTIN, settings).embedder()
    return tell_each(arguments, partial(_one, model, _bank(model, settings)), _show)


def _bank(model: LoadedModel, settings: Settings) -> LabelBank:
    bank = LabelBanks(settings.query_banks_dir).of(model)
    if bank is None:
        raise BadInput("What this model's labels are worth was never measured, so it gives none.")
    return bank


def _one(model: LoadedModel, bank: LabelBank, pictures: PictureReader, path: Path) -> dict[str, Any]:
    """A picture's labels as --json prints them."""
    image, _ = pictures.read(path, SIDE)
    (found,) = bank.labels(model.encode_pixels(np.stack([model.preprocess(image)])))
    return {"path": display_text(path), "labels": [_as_json(label) for label in found], "sentence": sentence(found)}


def _as_json(label: Label) -> dict[str, Any]:
    return {"label": label.word, "percent": round(100 * label.chance)}


def _show(found: dict[str, Any]) -> None:
    terminal.say(shown(found["path"]))
    terminal.say(f"  {found['sentence'] or 'Nothing is likely enough to be said.'}")
    for label in found["labels"]:
        terminal.say(f"  {label['percent']:3} %  {label['label']}")
