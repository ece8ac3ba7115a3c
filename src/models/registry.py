"""The models a person may choose, as data. Nothing here opens a file, reaches the network or loads a model.

Where the figures come from: OpenAI's SHA-256 stand in the official URLs of openai/CLIP (clip/clip.py); the OpenCLIP files' are the
git-LFS object ids of their repositories on the Hugging Face hub at the revision in the URL, as several projects pin them that fetched
and hashed the files. A hash without such a source is not listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.errors import UnknownModel

BUILTIN = "builtin"
DEFAULT_CLIP = "ViT-B/32"

_OPENAI = "https://openaipublic.azureedge.net/clip/models"
_HUB = "https://huggingface.co/laion"


@dataclass(frozen=True)
class ModelSpec:
    """One model: what it is, which file holds it and where that file is published."""

    id: str
    title: str
    dimensions: int
    """Length of its vectors."""
    image_size: int
    """Side in pixels of the square picture its image tower sees."""
    quick_gelu: bool
    """True where it was trained with x * sigmoid(1.702 x) (OpenAI), False for the exact GELU (OpenCLIP)."""
    file_name: str
    """Name under which the checkpoint is stored and looked for; empty for a model that ships with the project."""
    url: str
    sha256: str
    """64 lower-case hex digits of the whole file."""
    bytes: int
    """Size of the download; 0 where it is not known."""
    licence: str
    about: str
    """One sentence for the page."""
    text_floor: float | None
    """Cosine below which a text query's best hit counts as "nothing matches"; None where the model's own files say.

    For CLIP this is the field's rule of thumb, not a measurement of ours: OpenAI's models put a fitting caption at about
    0.25 to 0.35 and an unrelated one below 0.2; models trained on LAION-2B spread further, so their floor lies lower.
    """
    object_floor: float | None = None
    """Cosine below which an object inside a picture is no hit for a text query; None where nothing is known.

    For the built-in model what 97.5 % of the right objects reach on coco128's small boxes (``benchmarks.small_things``); about half of
    the photos that hold no such thing stay below it. For CLIP the field's rule of thumb, as above.
    """
    object_floors: tuple[tuple[int, float], ...] = ()
    """(objects compared, cosine) below which the best of them counts as "nothing matches"; without any, ``text_floor`` judges them too.

    Higher than ``object_floor``, which is for any one object: of many, the best is near by chance. docs/models.md says how they were found.
    """

    english_only: bool = True
    """Whether its text tower was trained on English alone: a query in another language is then told so."""

    @property
    def ships(self) -> bool:
        """True for a model that is part of the project and needs no download."""
        return not self.file_name


def specs() -> tuple[ModelSpec, ...]:
    """All models, in the order in which they are offered."""
    return _SPECS


def spec(model_id: str) -> ModelSpec:
    """The model of that id. Raises UnknownModel, which names the ids there are."""
    for candidate in _SPECS:
        if candidate.id == model_id:
            return candidate
    raise UnknownModel(f"There is no model {model_id!r}.", f"The models are: {', '.join(s.id for s in _SPECS)}.")


def floor_among(floors: Sequence[tuple[int, float]], number: int) -> float:
    """The floor for that many things compared, from those measured (number, cosine): best hits grow with the logarithm of the number.

    Beyond the numbers it was measured for, it stays.
    """
    sizes, cosines = zip(*floors, strict=True)
    return float(np.interp(np.log(max(1, number)), np.log(sizes), cosines))


def _openai(name: str, dimensions: int, image_size: int, sha256: str, size: int, about: str) -> ModelSpec:
    """A checkpoint of openai/CLIP: all of them follow one scheme of names and URLs."""
    file_name = name.replace("/", "-").replace("@", "-") + ".pt"
    return ModelSpec(
        id=name,
        title=f"CLIP {name}",
        dimensions=dimensions,
        image_size=image_size,
        quick_gelu=True,
        file_name=file_name,
        url=f"{_OPENAI}/{sha256}/{file_name}",
        sha256=sha256,
        bytes=size,
        licence="MIT (OpenAI)",
        about=about,
        text_floor=0.2,
        object_floor=0.2,
    )


def _open_clip(name: str, title: str, tag: str, path: str, sha256: str, size: int, about: str) -> ModelSpec:
    """A ViT-B/32 of the OpenCLIP project. Its repositories all call the file the same, so here it carries its training tag."""
    return ModelSpec(
        id=f"{DEFAULT_CLIP}-{name}",
        title=title,
        dimensions=512,
        image_size=224,
        quick_gelu=False,
        file_name=f"open_clip-ViT-B-32-{tag}.safetensors",
        url=f"{_HUB}/{path}/open_clip_model.safetensors",
        sha256=sha256,
        bytes=size,
        licence="MIT (LAION)",
        about=about,
        text_floor=0.15,
        object_floor=0.15,
    )


_SPECS = (
    ModelSpec(
        id=BUILTIN,
        title="Built-in",
        dimensions=768,
        image_size=224,
        quick_gelu=False,
        file_name="",
        url="",
        sha256="",
        bytes=0,
        licence="see docs/models.md",
        about="Small and quick, ships with the program and needs no download; it reads English.",
        text_floor=None,
        object_floor=0.13,
        object_floors=((120, 0.261), (480, 0.273), (1_200, 0.297)),
    ),
    _openai(
        "ViT-B/32",
        dimensions=512,
        image_size=224,
        sha256="40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        size=353_976_522,
        about="The usual CLIP: knows far more things than the built-in model and is the fastest of the CLIP models.",
    ),
    _openai(
        "ViT-B/16",
        dimensions=512,
        image_size=224,
        sha256="5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
        size=350_837_078,
        about="Sees finer detail than ViT-B/32 and takes about four times as long per photo.",
    ),
    _openai(
        "ViT-L/14",
        dimensions=768,
        image_size=224,
        sha256="b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
        size=932_768_134,
        about="The large CLIP: better results, and slow without a graphics card.",
    ),
    _openai(
        "ViT-L/14@336px",
        dimensions=768,
        image_size=336,
        sha256="3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
        size=934_088_680,
        about="The large CLIP on larger pictures: the best of OpenAI's and the slowest; meant for a graphics card.",
    ),
    _open_clip(
        "laion2b",
        title="OpenCLIP ViT-B/32 (LAION-2B)",
        tag="laion2b_s34b_b79k",
        path="CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/1a25a446712ba5ee05982a381eed697ef9b435cf",
        sha256="ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6",
        size=605_143_316,
        about="As fast as ViT-B/32, trained by LAION on two billion captioned pictures: usually the better of the two.",
    ),
    _open_clip(
        "datacomp",
        title="OpenCLIP ViT-B/32 (DataComp-XL)",
        tag="datacomp_xl_s13b_b90k",
        path="CLIP-ViT-B-32-DataComp.XL-s13B-b90K/resolve/f0e2ffa09cbadab3db6a261ec1ec56407ce42912",
        sha256="3c00043509d2e3f35ec62bd85a643a393883dcda624d8208d034cc390c708297",
        size=0,
        about="As fast as ViT-B/32, trained on the filtered pictures of DataComp: the best of the small CLIP models on the usual tests.",
    ),
)
