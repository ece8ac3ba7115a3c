"""PP-OCRv6 (small) by its two networks, as the package rapidocr brings them: one finds lines, the other reads them.

Of the package only the two files are used; none of its code runs, so nothing is ever downloaded. What is done with the
networks follows their publisher's description: a map of where text is, boxes around it, each line read by itself.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from src.config import INSTALLED, PROJECT_DIR, Settings
from src.errors import WeightsMissing
from src.models import onnx_file
from src.models.lazy import Lazy
from src.models.readers import boxes, letters
from src.models.readers.boxes import Pixels, Quad
from src.models.registry import ModelSpec
from src.pixels import to_rgb
from src.schema import FloatArray
from src.schema.texts import Corners, TextLine

DETECTOR, RECOGNISER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
SHA256 = {
    DETECTOR: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    RECOGNISER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}
RECIPE = "pp-ocrv6-small-1"
GATE, CLOSER = 736, 1_536
"""Pixels of the long side at which a picture is looked at first, and again where what was found is small."""
STEP = 32
"""Sides that the detector takes are multiples of this."""
LARGEST = 2.0
"""How many times larger than it is a picture is looked at, at most."""
SMALL = 16
"""Pixels of a line's height at the first look, in the middle of all lines, under which a second is worth its time."""
BELIEVED = 0.7
"""Confidence under which a line is taken for no text."""
_WAY = (
    f'"{sys.executable}" -m pip install --no-deps -r "{PROJECT_DIR / "requirements-models.txt"}"'
    if INSTALLED
    else "python3 scripts/setup.py"
)
_HINT = f"It comes with the package rapidocr: {'install that' if INSTALLED else 'run the set-up again'} (`{_WAY}`)."


class RapidReader:
    """Reads simplified and traditional Chinese, English, Japanese and languages that are written with Latin letters.

    Implements ``schema.texts.TextReader``. Each network is loaded at its first use: the one that reads only once a
    picture has text.
    """

    recipe = RECIPE

    def __init__(self, find: Callable[[], Path] | None = None) -> None:
        """find: tells the folder with the two files; another one is for tests. Nothing is read yet."""
        self._find = find or folder
        self._detector = Lazy(partial(self._session, DETECTOR))
        self._recogniser = Lazy(self._load_recogniser)

    def read(self, image: Image.Image) -> list[TextLine]:
        """As ``TextReader.read``. Turned pictures with text that runs up or down are read too, upside down ones not."""
        picture: Pixels = np.ascontiguousarray(np.asarray(to_rgb(image))[:, :, ::-1])
        found = self.find(picture)
        if not found:
            return []
        read = self._read_turned(picture, found) if any(map(boxes.standing, found)) else self._read(picture, found)
        height, width = picture.shape[:2]
        return [TextLine(text, _shares(box, width, height), sure) for box, text, sure in read if sure >= BELIEVED]

    def find(self, picture: Pixels) -> list[Quad]:
        """Boxes around the lines in a picture (H, W, 3: blue, green, red), in its pixels and in reading order."""
        found, scale = self._look(picture, GATE)
        heights = [min(boxes.size(box)) * scale for box in found]
        if found and np.median(heights) < SMALL and scale < 1.0:
            found, _ = self._look(picture, CLOSER)
        return boxes.in_reading_order(found)

    def unload(self, idle: float = 0.0) -> None:
        """Gives back the memory of each network that was not used in the last ``idle`` seconds."""
        for network in (self._detector, self._recogniser):
            network.drop(idle)

    def _look(self, picture: Pixels, side: int) -> tuple[list[Quad], float]:
        """Boxes in the picture's own pixels, and how large it was seen: pixels seen for one of its own."""
        height, width = picture.shape[:2]
        scale = min(side / max(height, width), LARGEST if side == GATE else 1.0)
        seen = [max(STEP, round(length * scale / STEP) * STEP) for length in (width, height)]
        small = cv2.resize(picture, seen, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        values = (small.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1)[None]
        session = self._detector.get()
        likely = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(values)})[0][0, 0]
        back = np.array([width / seen[0], height / seen[1]], np.float32)
        return [box * back for box in boxes.boxes(likely)], scale

    def _read_turned(self, picture: Pixels, found: list[Quad]) -> list[tuple[Quad, str, float]]:
        """What all boxes say: those that stand upright are read running down and running up, whichever is surer of all
        of them together, or as they are where that is surer still.
        """
        upright = [box for box in found if boxes.standing(box)]
        ways = [self._read(picture, [boxes.turned(box, quarters) for box in upright]) for quarters in (0, 1, 3)]
        best = max(ways, key=lambda read: sum(sure * len(text) for _, text, sure in read if sure >= BELIEVED))
        sideways = iter(best)
        others = iter(self._read(picture, [box for box in found if not boxes.standing(box)]))
        return [next(sideways if boxes.standing(box) else others) for box in found]

    def _read(self, picture: Pixels, found: Sequence[Quad]) -> list[tuple[Quad, str, float]]:
        """Each box with what it says, as it is."""
        if not found:
            return []
        session, characters = self._recogniser.get()
        lines = [boxes.cut(picture, box) for box in found]
        said: dict[int, tuple[str, float]] = {}
        for batch in letters.batches(lines):
            values = letters.prepared([lines[number] for number in batch])
            steps: FloatArray = session.run(None, {session.get_inputs()[0].name: values})[0]
            said |= {number: letters.read(one, characters) for number, one in zip(batch, steps, strict=True)}
        return [(box, said[number][0].strip(), said[number][1]) for number, box in enumerate(found)]

    def _session(self, name: str) -> Any:
        data = onnx_file.verified(self._find() / name, SHA256[name], "The text reader's file", _HINT)
        return onnx_file.session(data, keeps_memory=False)

    def _load_recogniser(self) -> tuple[Any, list[str]]:
        """The network, and the characters that it knows; the last one is the blank between words."""
        session = self._session(RECOGNISER)
        listed = session.get_modelmeta().custom_metadata_map["character"]
        return session, [*listed.split("\n"), " "]


def folder() -> Path:
    """Where the package rapidocr has its models. It is not imported. Raises WeightsMissing."""
    found = importlib.util.find_spec("rapidocr")
    if found is None or not found.submodule_search_locations:
        raise WeightsMissing("The text reader is not here: the package rapidocr is not installed.", _HINT)
    return Path(found.submodule_search_locations[0]) / "models"


def load(spec: ModelSpec, checkpoint: Path | None, settings: Settings) -> RapidReader:
    """The reader that comes with the packages: it has no checkpoint to be found, and heeds no setting."""
    return RapidReader()


def _shares(box: Quad, width: int, height: int) -> Corners:
    first, second, third, fourth = (
        (round(float(x) / width, 4), round(float(y) / height, 4)) for x, y in np.clip(box, 0, (width, height))
    )
    return first, second, third, fourth
