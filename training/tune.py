"""Fine-tune the backbone's upper part together with the caption half, on maps that the frozen lower part made once.

The lower part knows edges and textures, needs no tuning, and is two fifths of the arithmetic and most of the time; its
maps are kept on disk for several views of each picture. The published network is the teacher: its classifier's softened
logits hold the tuned one where it was (Hinton et al., arXiv:1503.02531), and for a shrunken view the teacher sees the
sharp one, so that small and blurred pictures are read as sharp ones are. Runs on a GPU where there is one, else on the
CPU; what a run has done is kept after each epoch.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.backbone import FROZEN, EfficientNetLite0
from training.heads import CaptionLoss, Recipe, distillation
from training.pictures import Pictures
from training.towers import Heads

PRINT_EVERY = 20


@dataclasses.dataclass(frozen=True)
class Tuning:
    """What was chosen on flickr8k dev and the held-back sentences of labelled/."""

    seed: int = 0
    epochs: int = 10
    captioned_batch: int = 128
    labelled_batch: int = 64
    backbone_rate: float = 2e-4
    head_rate: float = 4e-4
    decay: float = 0.05
    strangers: int = 4096
    """Sentences of other pictures that each captioned picture is told from, beside those of its batch."""
    keep: float = 4.0
    """Weight of the loss that holds the classifier where the published one is."""
    keep_temperature: float = 2.0
    average: float = 0.995
    """Decay of the average over steps (EMA) that is kept in the end."""
    clip: float = 5.0
    blend: float = 0.8
    """In the end each weight goes this far from where it was to where it was tuned to (WiSE-FT, Wortsman et al.,
    arXiv:2109.01903).
    """


class Tower(nn.Module):
    """What is tuned: the backbone's upper part, and the heads."""

    def __init__(self, backbone: EfficientNetLite0, heads: Heads) -> None:
        super().__init__()
        self.backbone, self.heads = copy.deepcopy(backbone), copy.deepcopy(heads)
        self.backbone.to(memory_format=torch.channels_last)
        for part in (self.backbone.blocks[FROZEN:], self.backbone.head, self.backbone.classifier, self.heads.captions):
            part.requires_grad_(True)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(b, 80, 14, 14) -> (b, 1280) features and (b, 1000) logits; convolutions of one pixel in bfloat16."""
        with torch.autocast(maps.device.type, torch.bfloat16):
            features = self.backbone.top(maps.contiguous(memory_format=torch.channels_last))[0]
        return features.float(), self.backbone.classifier(features.float())


def tune(
    backbone: EfficientNetLite0,
    heads: Heads,
    captioned: Pictures,
    labelled: Pictures,
    recipe: Recipe,
    tuning: Tuning,
    cache: Path,
    each: Callable[[int, Tower], None] | None = None,
) -> Tower:
    """The tuned backbone and heads, averaged over the last steps, in inference mode, on the CPU.

    A run that was interrupted goes on from its last epoch. each: told the number of epochs done and the average so far.
    """
    run = _Run(backbone, heads, captioned, labelled, recipe, tuning)
    kept = cache / f"tuning-{_key(recipe, tuning)}.pt"
    run.resume(kept)
    while run.epoch < tuning.epochs:
        run.one_epoch()
        run.keep(kept)
        if each:
            each(run.epoch, run.average.module)
    kept.unlink(missing_ok=True)
    return blended(Tower(backbone, heads), run.average.module.cpu(), tuning.blend).eval().requires_grad_(False)


@torch.no_grad()
def blended(before: Tower, after: Tower, share: float) -> Tower:
    """``before``, each of whose weights went ``share`` of the way to ``after``'s."""
    for weight, tuned in zip(before.parameters(), after.parameters(), strict=True):
        weight.lerp_(tuned, share)
    return before


class _Run:
    """The state of one run."""

    def __init__(
        self,
        backbone: EfficientNetLite0,
        heads: Heads,
        captioned: Pictures,
        labelled: Pictures,
        recipe: Recipe,
        tuning: Tuning,
    ) -> None:
        self.tuning = tuning
        self.captioned, self.labelled = captioned, labelled
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(tuning.seed)
        self.dice = torch.Generator().manual_seed(tuning.seed)
        self.tower = Tower(backbone, heads).to(self.device)
        self.loss_of = CaptionLoss(
            self.tower.heads, copy.deepcopy(backbone.classifier), self.tower.heads.names.vectors, recipe
        )
        self.loss_of.to(self.device)
        self.upper = [p for p in self.tower.backbone.parameters() if p.requires_grad]
        self.rest = [p for p in self.tower.heads.parameters() if p.requires_grad] + [self.loss_of.log_scales]
        rates = [tuning.backbone_rate, tuning.head_rate]
        groups = [{"params": group, "lr": rate} for group, rate in zip((self.upper, self.rest), rates, strict=True)]
        self.optimiser = torch.optim.AdamW(groups, weight_decay=tuning.decay)
        self.steps = len(captioned.rows) // tuning.captioned_batch
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, rates, total_steps=tuning.epochs * self.steps, pct_start=0.15
        )
        self.average = AveragedModel(self.tower, multi_avg_fn=get_ema_multi_avg_fn(tuning.average))
        self.epoch = 0

    def one_epoch(self) -> None:
        """As many steps as see each captioned picture about once."""
        started = time.monotonic()
        self.tower.heads.captions.train()
        for step in range(self.steps):
            loss = self._loss()
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*self.upper, *self.rest], self.tuning.clip)
            self.optimiser.step()
            self.schedule.step()
            self.average.update_parameters(self.tower)
            if step % PRINT_EVERY == 0:
                spent = time.monotonic() - started
                place = f"epoch {self.epoch + 1}, step {step + 1} of {self.steps}"
                print(f"tuning: {place}, loss {loss.item():.3f}, {spent:.0f} s", flush=True)
        self.epoch += 1

    def _loss(self) -> Tensor:
        captioned = self.captioned.draw(self.tuning.captioned_batch, self.dice, maps=True).to(self.device)
        labelled = self.labelled.draw(self.tuning.labelled_batch, self.dice, maps=True).to(self.device)
        sentences, describes = self.captioned.strangers(self.tuning.strangers, self.dice)
        features, logits = self.tower(torch.cat([captioned.inputs, labelled.inputs]))
        strangers = (sentences.to(self.device), describes.to(self.device))
        found = self.loss_of(features, logits, captioned, labelled, strangers)
        soft = self.tuning.keep_temperature
        return found + self.tuning.keep * distillation(logits / soft, self.loss_of.taught(captioned, labelled) / soft)

    def keep(self, path: Path) -> None:
        """Write all that going on needs, whole or not at all."""
        parts = {
            name: getattr(self, name).state_dict() for name in ("tower", "loss_of", "optimiser", "schedule", "average")
        }
        part = path.with_suffix(".part")
        torch.save({**parts, "epoch": self.epoch, "dice": self.dice.get_state(), "chance": torch.get_rng_state()}, part)
        os.replace(part, path)

    def resume(self, path: Path) -> None:
        """Go on where a run of this recipe was interrupted, if one was."""
        if not path.exists():
            return
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        for name in ("tower", "loss_of", "optimiser", "schedule", "average"):
            getattr(self, name).load_state_dict(state[name])
        self.dice.set_state(state["dice"].cpu())
        torch.set_rng_state(state["chance"].cpu())
        self.epoch = state["epoch"]
        print(f"tuning: going on after epoch {self.epoch}", flush=True)


def _key(recipe: Recipe, tuning: Tuning) -> str:
    """Names what a run is of."""
    return hashlib.sha256(json.dumps([dataclasses.asdict(recipe), dataclasses.asdict(tuning)]).encode()).hexdigest()[
        :12
    ]
