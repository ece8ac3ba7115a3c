"""Every model a person may choose, as data: one table, in which ``task`` says what a model is for.

Nothing here opens a file, reaches the network or loads a model. A further model is one more row; its module
has a function ``load(spec, checkpoint, settings)`` that makes it. A further task is one more name in ``Task``
and ``CALLED``, and a dataclass where its models have settings of their own.

Where the figures come from: OpenAI's SHA-256 stand in the official URLs of openai/CLIP (clip/clip.py); the
OpenCLIP files' are the git-LFS object ids of their repositories on the Hugging Face hub at the revision in
the URL, as several projects pin them that fetched and hashed the files. A hash without such a source is not
listed.

For Segment Anything, neither Meta's README nor MobileSAM's gives a SHA-256 (what Meta's file names end in
are the first digits of the MD5). Those below are the ones that computational-cell-analytics/micro-sam pins
for all four files and checks its downloads against; mazurowski-lab/SlicerSegmentWithSAM pins the same for
Meta's three, and further projects note them with the sizes. For MobileSAM's file, projects that hashed it
name the revision of ChaoningZhang/MobileSAM that is in the URL. No such file was at hand where this was
written. One with another hash is refused.

VGG-16's file carries the first digits of its SHA-256 in its name, as torchvision checks it; the other digits are those
that several projects pin which fetched and hashed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from src.errors import UnknownModel

Task = Literal["embed", "segment", "text", "look"]
"""What a model is for: embed turns pictures and words into vectors, segment finds the things in a picture, text reads
the words in it, look turns pictures alone into vectors.
"""
CALLED: Mapping[Task, str] = {
    "embed": "model", "segment": "segmenter", "text": "text reader", "look": "model of pictures alone"
}  # fmt: skip
"""What a model of each task is called in a sentence."""

BUILTIN = "builtin"
READER = "rapidocr"
DEFAULT_CLIP = "ViT-B/32"
VGG = "vgg16"

_OPENAI = "https://openaipublic.azureedge.net/clip/models"
_HUB = "https://huggingface.co/laion"
_META = "https://dl.fbaipublicfiles.com/segment_anything"
_MOBILE_REVISION = "f706ad9c4eb7f219c00d9050e46328518ffb65d2"
_MOBILE = f"https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/{_MOBILE_REVISION}/weights"


@dataclass(frozen=True)
class Embedding:
    """What only the models have that turn pictures and words into vectors."""

    dimensions: int
    """Length of its vectors."""
    image_size: int
    """Side in pixels of the square picture its image tower sees."""
    quick_gelu: bool
    """True where it was trained with x * sigmoid(1.702 x) (OpenAI), False for the exact GELU (OpenCLIP)."""
    english_only: bool = True
    """Whether its text tower was trained on English alone: a query in another language is then told so."""


@dataclass(frozen=True)
class Segmenting:
    """What only the models have that find the things in a picture."""

    preset: str
    """How thoroughly it looks: a name in ``src.vendored_sam.amg.PRESETS``."""


@dataclass(frozen=True)
class Reading:
    """What only the models have that read the words in a picture."""

    languages: str
    """Which it reads, for people."""


@dataclass(frozen=True)
class Looking:
    """What only the models have that turn pictures alone into vectors."""

    dimensions: int
    """Length of its vectors."""


@dataclass(frozen=True)
class ModelSpec:
    """One row: what a model is, which module makes it, which file holds it and where that is published."""

    task: Task
    id: str
    """Unique in the whole table."""
    title: str
    module: str
    """Name of the module whose ``load`` makes it; imported when the model is first asked for."""
    own: Embedding | Segmenting | Reading | Looking
    """The settings that only models of its task have."""
    file_name: str
    """Name under which the checkpoint is stored and looked for; empty for one that ships with the project."""
    url: str
    sha256: str
    """64 lower-case hex digits of the whole file."""
    bytes: int
    """Size of the download; 0 where it is not known."""
    licence: str
    about: str
    """One sentence for the page."""

    @property
    def ships(self) -> bool:
        """True for a model that comes with the project or its packages and needs no download."""
        return not self.file_name

    @property
    def dimensions(self) -> int:
        """Length of its vectors; 0 for a model that makes none."""
        return self.own.dimensions if isinstance(self.own, Embedding | Looking) else 0

    @property
    def embedding(self) -> Embedding:
        """The settings of a model that embeds. Raises TypeError where its task is another."""
        if not isinstance(self.own, Embedding):
            raise TypeError(f"{self.id} does not embed")
        return self.own

    @property
    def segmenting(self) -> Segmenting:
        """The settings of a model that segments. Raises TypeError where its task is another."""
        if not isinstance(self.own, Segmenting):
            raise TypeError(f"{self.id} does not segment")
        return self.own

    @property
    def reading(self) -> Reading:
        """The settings of a model that reads text. Raises TypeError where its task is another."""
        if not isinstance(self.own, Reading):
            raise TypeError(f"{self.id} does not read text")
        return self.own


def specs(task: Task = "embed") -> tuple[ModelSpec, ...]:
    """All models of a task, in the order in which they are offered."""
    return tuple(candidate for candidate in _SPECS if candidate.task == task)


def spec(model_id: str, task: Task = "embed") -> ModelSpec:
    """The model of that id and task. Raises UnknownModel, which names the ids there are."""
    offered = specs(task)
    for candidate in offered:
        if candidate.id == model_id:
            return candidate
    ids = ", ".join(candidate.id for candidate in offered)
    raise UnknownModel(f"There is no {CALLED[task]} {model_id!r}.", f"The {CALLED[task]}s are: {ids}.")


def spec_of_any_task(model_id: str) -> ModelSpec:
    """The model of that id, whatever it is for. Raises UnknownModel, which names those that embed."""
    return next((candidate for candidate in _SPECS if candidate.id == model_id), None) or spec(model_id)


def _openai(name: str, dimensions: int, image_size: int, sha256: str, size: int, about: str) -> ModelSpec:
    """A checkpoint of openai/CLIP: all of them follow one scheme of names and URLs."""
    file_name = name.replace("/", "-").replace("@", "-") + ".pt"
    return ModelSpec(
        task="embed",
        id=name,
        title=f"CLIP {name}",
        module="src.models.embedders.clip",
        own=Embedding(dimensions, image_size, quick_gelu=True),
        file_name=file_name,
        url=f"{_OPENAI}/{sha256}/{file_name}",
        sha256=sha256,
        bytes=size,
        licence="MIT (OpenAI)",
        about=about,
    )


def _open_clip(name: str, title: str, tag: str, path: str, sha256: str, size: int, about: str) -> ModelSpec:
    """A ViT-B/32 of the OpenCLIP project.

    Its repositories all call the file the same, so here it carries its training tag.
    """
    return ModelSpec(
        task="embed",
        id=f"{DEFAULT_CLIP}-{name}",
        title=title,
        module="src.models.embedders.clip",
        own=Embedding(dimensions=512, image_size=224, quick_gelu=False),
        file_name=f"open_clip-ViT-B-32-{tag}.safetensors",
        url=f"{_HUB}/{path}/open_clip_model.safetensors",
        sha256=sha256,
        bytes=size,
        licence="MIT (LAION)",
        about=about,
    )


def _sam(encoder: str, tag: str, sha256: str, size: int, about: str) -> ModelSpec:
    """A checkpoint of facebookresearch/segment-anything: all of them follow one scheme of names and URLs."""
    file_name = f"sam_vit_{encoder.lower()}_{tag}.pth"
    return ModelSpec(
        task="segment",
        id=f"sam-vit-{encoder.lower()}",
        title=f"Segment Anything ViT-{encoder}",
        module="src.models.segmenters.sam",
        own=Segmenting("quick"),
        file_name=file_name,
        url=f"{_META}/{file_name}",
        sha256=sha256,
        bytes=size,
        licence="Apache-2.0 (Meta)",
        about=about,
    )


_SPECS = (
    ModelSpec(
        task="embed",
        id=BUILTIN,
        title="Built-in",
        module="src.models.embedders.builtin",
        own=Embedding(
            dimensions=768,
            image_size=224,
            quick_gelu=False,
        ),
        file_name="",
        url="",
        sha256="",
        bytes=0,
        licence="see docs/models.md",
        about="Small and quick, ships with the program and needs no download; it reads English.",
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
        about="As fast as ViT-B/32, trained on the filtered pictures of DataComp: "
        "the best of the small CLIP models on the usual tests.",
    ),
    ModelSpec(
        task="segment",
        id="mobile-sam",
        title="MobileSAM",
        module="src.models.segmenters.sam",
        own=Segmenting("mobile"),
        file_name="mobile_sam.pt",
        url=f"{_MOBILE}/mobile_sam.pt",
        sha256="6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        bytes=40_728_226,
        licence="Apache-2.0 (MobileSAM)",
        about="Segment Anything with a small encoder: the quickest, and a small download.",
    ),
    _sam(
        "B",
        tag="01ec64",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        size=375_042_383,
        about="Meta's smallest: finer outlines than MobileSAM, several times slower.",
    ),
    _sam(
        "L",
        tag="0b3195",
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        size=1_249_524_607,
        about="Meta's middle one: better outlines, slow without a graphics card.",
    ),
    _sam(
        "H",
        tag="4b8939",
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        size=2_564_550_879,
        about="Meta's largest: the best outlines, meant for a graphics card.",
    ),
    ModelSpec(
        task="text",
        id=READER,
        title="PP-OCRv6 small",
        module="src.models.readers.rapid",
        own=Reading("simplified and traditional Chinese, English, Japanese and languages in Latin letters"),
        file_name="",
        url="",
        sha256="",
        bytes=0,
        licence="Apache-2.0 (PaddleOCR, by the package rapidocr)",
        about="Reads Chinese, English, Japanese and languages in Latin letters; no Cyrillic, Arabic or Korean.",
    ),
    ModelSpec(
        task="look",
        id=VGG,
        title="VGG-16 (ImageNet)",
        module="src.models.embedders.vgg",
        own=Looking(dimensions=512),
        file_name="vgg16-397923af.pth",
        url="https://download.pytorch.org/models/vgg16-397923af.pth",
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        bytes=553_433_881,
        licence="BSD-3-Clause (torchvision); trained on ImageNet (research)",
        about="The network of many studies of similar pictures, for measuring beside the others.",
    ),
)
