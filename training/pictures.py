"""One source's pictures under several views, and batches drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from training.features import Seen


@dataclass(frozen=True)
class Batch:
    """b pictures, each under one view, and t sentences, several for each picture."""

    inputs: Tensor
    """(b, 1280) features or (b, 80, 14, 14) maps."""
    taught: Tensor
    """(b, 1280) the published backbone's features, of what the teacher sees."""
    sentences: Tensor
    """(t, 384) MiniLM vectors."""
    described_by: Tensor
    """(b,) int64: pictures and sentences of one number are right for each other."""
    describes: Tensor
    """(t,) int64."""

    @property
    def right(self) -> Tensor:
        """(b, t) bool."""
        return self.described_by[:, None] == self.describes[None]

    def to(self, device: torch.device) -> Batch:
        parts = (self.inputs, self.taught, self.sentences, self.described_by, self.describes)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))


@dataclass(frozen=True)
class Pictures:
    """n pictures of one source."""

    views: Mapping[str, Seen]
    rows: Tensor
    """(n,) int64: where each stands in its views."""
    sentences: Tensor
    """(s, w, 384): w wordings of each of s picture descriptions."""
    described_by: Tensor
    """(n,) int64: which description each picture has; pictures with the same one are equally right for it."""

    def only(self, names: Sequence[str]) -> Pictures:
        """Under these views alone."""
        return replace(self, views={name: self.views[name] for name in names})

    def draw(self, count: int, dice: torch.Generator, maps: bool) -> Batch:
        """Random pictures, none twice, each under a random view, with all wordings.

        A shrunken view's teacher sees the sharp one.
        """
        chosen = torch.randperm(len(self.rows), generator=dice)[:count]
        names = list(self.views)
        views = [names[number] for number in torch.randint(len(names), (count,), generator=dice).tolist()]
        at = list(zip(views, self.rows[chosen].tolist(), strict=True))
        taught = torch.from_numpy(
            np.stack([self.views[view.replace("tiny", "crop")].features[row] for view, row in at])
        ).float()
        inputs = (
            torch.from_numpy(np.stack([self.views[view].maps[row] for view, row in at])).float() if maps else taught
        )
        described = self.described_by[chosen]
        sentences = self.sentences[described]
        return Batch(
            inputs, taught, sentences.flatten(0, 1), described, described.repeat_interleave(sentences.shape[1])
        )

    def strangers(self, count: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
        """(count, 384) random sentences and (count,) what they describe."""
        chosen = torch.randint(self.sentences.shape[:2].numel(), (count,), generator=dice)
        return self.sentences.flatten(0, 1)[chosen], chosen // self.sentences.shape[1]
