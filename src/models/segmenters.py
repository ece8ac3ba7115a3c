"""The segmenters that can be had, as data. Nothing here opens a file, reaches the network or loads a model.

Where the figures come from: neither Meta's README nor MobileSAM's gives a SHA-256 (what Meta's file names end in are the first digits of
the MD5). Those below are the ones that computational-cell-analytics/micro-sam pins for all four files and checks its downloads against;
mazurowski-lab/SlicerSegmentWithSAM pins the same for Meta's three, and further projects note them with the sizes. For MobileSAM's file,
projects that hashed it name the revision of ChaoningZhang/MobileSAM that is in the URL. No such file was at hand where this was written.
One with another hash is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from src.errors import UnknownModel

_META = "https://dl.fbaipublicfiles.com/segment_anything"
_MOBILE = "https://raw.githubusercontent.com/ChaoningZhang/MobileSAM/f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights"


@dataclass(frozen=True)
class SegmenterSpec:
    """One segmenter: what it is, which file holds it and where that file is published."""

    id: str
    title: str
    file_name: str
    """Name under which the checkpoint is stored and looked for."""
    url: str
    sha256: str
    """64 lower-case hex digits of the whole file."""
    bytes: int
    """Size of the download."""
    preset: str
    """How thoroughly it looks: a name in ``src.vendored_sam.amg.PRESETS``."""
    licence: str
    about: str
    """One sentence for the page."""


def specs() -> tuple[SegmenterSpec, ...]:
    """All segmenters, in the order in which they are offered."""
    return _SPECS


def spec(segmenter_id: str) -> SegmenterSpec:
    """The segmenter of that id. Raises UnknownModel, which names the ids there are."""
    for candidate in _SPECS:
        if candidate.id == segmenter_id:
            return candidate
    raise UnknownModel(f"There is no segmenter {segmenter_id!r}.", f"The segmenters are: {', '.join(s.id for s in _SPECS)}.")


def _sam(size: str, tag: str, sha256: str, bytes: int, about: str) -> SegmenterSpec:
    """A checkpoint of facebookresearch/segment-anything: all of them follow one scheme of names and URLs."""
    file_name = f"sam_vit_{size.lower()}_{tag}.pth"
    return SegmenterSpec(
        id=f"sam-vit-{size.lower()}",
        title=f"Segment Anything ViT-{size}",
        file_name=file_name,
        url=f"{_META}/{file_name}",
        sha256=sha256,
        bytes=bytes,
        preset="quick",
        licence="Apache-2.0 (Meta)",
        about=about,
    )


_SPECS = (
    SegmenterSpec(
        id="mobile-sam",
        title="MobileSAM",
        file_name="mobile_sam.pt",
        url=f"{_MOBILE}/mobile_sam.pt",
        sha256="6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
        bytes=40_728_226,
        preset="mobile",
        licence="Apache-2.0 (MobileSAM)",
        about="Segment Anything with a small encoder: the quickest, and a small download.",
    ),
    _sam(
        "B",
        tag="01ec64",
        sha256="ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        bytes=375_042_383,
        about="Meta's smallest: finer outlines than MobileSAM, several times slower.",
    ),
    _sam(
        "L",
        tag="0b3195",
        sha256="3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        bytes=1_249_524_607,
        about="Meta's middle one: better outlines, slow without a graphics card.",
    ),
    _sam(
        "H",
        tag="4b8939",
        sha256="a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        bytes=2_564_550_879,
        about="Meta's largest: the best outlines, meant for a graphics card.",
    ),
)
