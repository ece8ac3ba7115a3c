"""What a model says is in a photo, and what asks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from PIL import Image


@dataclass(frozen=True)
class DescribedObject:
    """One thing in a photo. color and position may be empty."""

    label: str
    color: str = ""
    position: str = ""


@dataclass(frozen=True)
class Description:
    """A photo in words: a summary, and the things in it."""

    scene_summary: str
    objects: tuple[DescribedObject, ...] = ()

    @property
    def text(self) -> str:
        """All of it as sentences, as it is searched."""
        things = (" ".join(filter(None, (each.color, each.label, each.position))) for each in self.objects)
        said, named = self.scene_summary, ", ".join(things)
        ends = "" if not said or not named or said[-1] in ".!?。！？…" else "."
        return f"{said}{ends} {named}".strip()


@dataclass(frozen=True)
class Answer:
    """What came back for one picture. sent, received: tokens that it counted for, 0 where the server does not say."""

    description: Description
    sent: int = 0
    received: int = 0


class Captioner(Protocol):
    """Describes pictures. Safe to call from several threads."""

    model: str
    """Id of the model, as its server names it."""
    recipe: str
    """Another one where the same picture would get another description."""

    def describe(self, image: Image.Image, halted: Callable[[], bool]) -> Answer:
        """Upright RGB picture of any size -> its description; waits and asks again where the server is busy.

        halted: whether the work is to end, asked while waiting. Raises EndpointRefused where asking on makes no sense,
        NotDescribed where this picture could not be described.
        """
