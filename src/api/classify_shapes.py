"""The shapes of what is asked about the labels of a picture, and of the answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from src.api.shapes import Answer, Asked, TopK


class ClassifyAsked(Asked):
    """Which of some labels a picture shows: a photo of the library, or a picture that is sent as the file `image`.

    Without labels and without a list the 1,000 classes of ImageNet.
    """

    image: Annotated[str, Field(max_length=300)] | None = Field(None, description="A photo's id, or its file's name.")
    labels: Annotated[list[Annotated[str, Field(min_length=1, max_length=300)]], Field(max_length=5_000)] = Field(
        [], description="Each as `dog`, or as `crane = crane bird` to be asked for in other words."
    )
    preset: Literal["", "imagenet", "vocabulary", "coco", "scenes", "cifar10"] = Field(
        "", description="A list that comes with the program, in place of labels."
    )
    several: bool = Field(False, description="Each label by itself: a picture may have several, or none.")
    templates: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=20)] = Field(
        [], description="How a label is put to the model, such as `a drawing of {}`."
    )
    top_k: TopK = 5


class LabelOfPicture(Answer):
    label: str
    probability: float = Field(ge=0, le=1)


class Classified(Answer):
    """measured: whether probabilities were compared with labelled pictures, so that they are worth what they say."""

    model: str
    measured: bool
    labels: list[LabelOfPicture]
