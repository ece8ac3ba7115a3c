"""The plain values and protocols that cross layers. Data only: nothing here opens a file or loads a model."""

from __future__ import annotations

from src.schema.encoders import Embedder, FloatArray, Kind
from src.schema.images import EXPORT_MARK, FIRST_PHOTO, FileStamp, FoundFile, ImageDetails, ImageFacts
from src.schema.jobs import (
    FINDINGS_KEPT,
    SKIPPED_KEPT,
    Already,
    Finding,
    Indexed,
    JobEvent,
    JobSnapshot,
    JobState,
    Progress,
    Skipped,
    Timings,
)
from src.schema.library import FolderStatus, LibraryStats, ModelStatus
from src.schema.parts import Box, Mask, Segment, Segmenter
from src.schema.search import Band, Mode, Notice, NoticeCode, Part, PhotoFilter, Reason, SearchHit, SearchPage, Verdict

__all__ = [
    "EXPORT_MARK",
    "FINDINGS_KEPT",
    "FIRST_PHOTO",
    "SKIPPED_KEPT",
    "Already",
    "Band",
    "Box",
    "Embedder",
    "FileStamp",
    "Finding",
    "FloatArray",
    "FolderStatus",
    "FoundFile",
    "ImageDetails",
    "ImageFacts",
    "Indexed",
    "JobEvent",
    "JobSnapshot",
    "JobState",
    "Kind",
    "LibraryStats",
    "Mask",
    "Mode",
    "ModelStatus",
    "Notice",
    "NoticeCode",
    "Part",
    "PhotoFilter",
    "Progress",
    "Reason",
    "SearchHit",
    "SearchPage",
    "Segment",
    "Segmenter",
    "Skipped",
    "Timings",
    "Verdict",
]
