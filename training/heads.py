"""Train the caption half and the gate on cached features. Everything is seeded; a run takes minutes on two CPU cores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.sentences import SentenceCache, bare, class_names, class_vectors, with_article, without_frame
from training.towers import Captions, ClassNames, Gate, Heads


@dataclass(frozen=True)
class Recipe:
    """What was chosen, all of it on flickr8k dev and the held-back sentences of labelled/."""

    seed: int = 0
    epochs: int = 40
    captioned_batch: int = 512
    labelled_batch: int = 256
    labelled_weight: float = 0.3
    rate: float = 7e-4
    decay: float = 0.05
    hidden: int = 2048
    text_hidden: int = 400
    dropout: float = 0.6
    class_temperature: float = 1.5
    """Softens the classifier for the class-name half."""
    distil: float = 0.5
    """Weight of the loss that makes the caption half rank the 1,000 class names as the classifier does."""
    distil_temperature: float = 2.0
    image_share: float = 0.6
    """Share of the caption half in a picture's vector."""
    gate_low: float = 0.5
    gate_high: float = 0.95
    """Weight of the caption half in the score, for the bare name of a thing and for a sentence."""


@dataclass(frozen=True)
class Batch:
    """Pictures with one right sentence each."""

    features: Tensor
    """(b, 1280)."""
    sentences: Tensor
    """(b, 384) MiniLM vectors."""
    described_by: Tensor
    """(b,) int64: pictures and sentences of one number are right for each other."""


@dataclass(frozen=True)
class Pictures:
    """Features of one source under several views, and its sentences."""

    features: Tensor
    """(views, n, 1280)."""
    sentences: Tensor
    """(s, w, 384): w wordings of each of s picture descriptions."""
    described_by: Tensor
    """(n,) int64: which description each picture has; pictures with the same one are equally right for it."""

    def draw(self, count: int, dice: torch.Generator) -> Batch:
        """Random pictures, none twice, each under a random view and wording."""
        rows = torch.randperm(len(self.described_by), generator=dice)[:count]
        views = torch.randint(len(self.features), (len(rows),), generator=dice)
        described = self.described_by[rows]
        wordings = torch.randint(self.sentences.shape[1], (len(rows),), generator=dice)
        return Batch(self.features[views, rows], self.sentences[described, wordings], described)


def train_heads(captioned: Pictures, labelled: Pictures, classifier: nn.Linear, encode: SentenceCache, recipe: Recipe) -> Heads:
    """The trained heads, averaged over the last steps (EMA), in inference mode."""
    torch.manual_seed(recipe.seed)
    names = class_vectors(encode)
    captions = Captions(recipe.hidden, recipe.text_hidden, recipe.dropout)
    heads = Heads(ClassNames(names, recipe.class_temperature), captions, Gate(recipe.gate_low, recipe.gate_high), recipe.image_share)
    _train_captions(CaptionLoss(heads, classifier, names, recipe), captioned, labelled, recipe)
    _train_gate(heads.gate, captioned, encode)
    return heads.eval().requires_grad_(False)


class CaptionLoss(nn.Module):
    """What the caption half is trained on.

    Pictures find their sentences and sentences their pictures, within each source by itself: the two sources look so different
    that telling them apart would teach nothing, and a label such as "a photo of a dog" is right for many captioned pictures.
    Distillation (Hinton et al., arXiv:1503.02531) makes the caption half also rank the 1,000 class names as the classifier does.
    """

    def __init__(self, heads: Heads, classifier: nn.Linear, names: Tensor, recipe: Recipe) -> None:
        super().__init__()
        self.captions, self.names, self.classifier, self.recipe = heads.captions, heads.names, classifier, recipe
        self.register_buffer("name_vectors", names)
        self.log_scales = nn.Parameter(torch.full((2,), math.log(20.0)))

    def forward(self, captioned: Batch, labelled: Batch) -> Tensor:
        """The loss of one step."""
        features = torch.cat([captioned.features, labelled.features])
        logits = self.classifier(features)
        halves = self.captions(features, self.names(logits))
        first, second = halves.split([len(captioned.features), len(labelled.features)])
        by_name = halves @ self.captions.of_text(self.name_vectors).T * self.log_scales[1].exp()
        return (
            self._pairs(first, captioned)
            + self.recipe.labelled_weight * self._pairs(second, labelled)
            + self.recipe.distil * distillation(by_name, logits / self.recipe.distil_temperature)
        )

    def _pairs(self, halves: Tensor, batch: Batch) -> Tensor:
        scores = halves @ self.captions.of_text(batch.sentences).T * self.log_scales[0].exp()
        return contrastive(scores, batch.described_by[:, None] == batch.described_by[None])


def _train_captions(loss_of: CaptionLoss, captioned: Pictures, labelled: Pictures, recipe: Recipe) -> None:
    dice = torch.Generator().manual_seed(recipe.seed)
    trained = [*loss_of.captions.parameters(), loss_of.log_scales]
    optimiser = torch.optim.AdamW(trained, lr=recipe.rate, weight_decay=recipe.decay)
    steps = recipe.epochs * (len(captioned.described_by) // recipe.captioned_batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps, pct_start=0.15)
    average = AveragedModel(loss_of.captions, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    for step in range(steps):
        loss = loss_of(captioned.draw(recipe.captioned_batch, dice), labelled.draw(recipe.labelled_batch, dice))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        average.update_parameters(loss_of.captions)
        if step % 100 == 0 or step == steps - 1:
            print(f"captions: step {step + 1} of {steps}, loss {loss.item():.3f}", flush=True)
    loss_of.captions.load_state_dict(average.module.state_dict())


def contrastive(scores: Tensor, same: Tensor) -> Tensor:
    """Symmetric InfoNCE where a row may have several right columns, each an equal share of the target."""
    target = same.float() / same.sum(1, keepdim=True)
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


def distillation(scores: Tensor, teacher_logits: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the teacher's distribution over classes to the scores' one."""
    return F.kl_div(scores.log_softmax(-1), teacher_logits.softmax(-1), reduction="batchmean")


def _train_gate(gate: Gate, captioned: Pictures, encode: SentenceCache) -> None:
    """Logistic regression: human captions against the names of things, as one would type them."""
    every = [name for names in class_names() for name in names]
    things = torch.cat([encode([wording(name) for name in every]) for wording in (str, with_article, _framed)])
    sentences = captioned.sentences.flatten(0, 1)
    inputs = torch.cat([sentences, things])
    is_sentence = torch.cat([torch.ones(len(sentences)), torch.zeros(len(things))])
    weights = torch.where(is_sentence > 0, 0.5 / len(sentences), 0.5 / len(things)) * len(inputs)
    nn.init.zeros_(gate.sentence_like.weight)
    nn.init.zeros_(gate.sentence_like.bias)
    optimiser = torch.optim.LBFGS(gate.sentence_like.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        found = gate.sentence_like(inputs)[:, 0]
        loss = F.binary_cross_entropy_with_logits(found, is_sentence, weights) + 1e-3 * gate.sentence_like.weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)


def _framed(name: str) -> str:
    return f"a photo of {with_article(name)}"


def wordings(sentence: str) -> tuple[str, str, str]:
    """How one may ask for a labelled picture."""
    return sentence, without_frame(sentence), bare(sentence)
