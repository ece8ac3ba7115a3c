"""Train the caption half and the gate on cached features: where tuning starts. Seeded; minutes on two CPU cores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.pictures import Batch, Pictures
from training.sentences import SentenceCache, bare, class_names, class_vectors, with_article, without_frame
from training.towers import Captions, ClassNames, Gate, Heads

Strangers = tuple[Tensor, Tensor]
"""(n, 384) sentences and (n,) what they describe."""


@dataclass(frozen=True)
class Recipe:
    """What was chosen, all of it on flickr8k dev and the held-back sentences of labelled/."""

    seed: int = 0
    epochs: int = 25
    captioned_batch: int = 512
    labelled_batch: int = 256
    labelled_weight: float = 0.3
    rate: float = 7e-4
    decay: float = 0.05
    hidden: int = 2048
    text_hidden: int = 400
    dropout: float = 0.6
    broader: float = 0.35
    """How much a class's everyday broader term ("horse" for "sorrel") counts beside its own name."""
    class_temperature: float = 1.5
    """Softens the classifier for the class-name half."""
    distil: float = 0.5
    """Weight of the loss that makes the caption half rank the 1,000 class names as the classifier does."""
    distil_temperature: float = 2.0
    image_share: float = 0.6
    """Share of the caption half in a picture's vector."""
    gate_low: float = 0.3
    gate_high: float = 0.95
    """Weight of the caption half in the score, for the bare name of a thing and for a sentence."""


def train_heads(
    captioned: Pictures, labelled: Pictures, classifier: nn.Linear, encode: SentenceCache, recipe: Recipe
) -> Heads:
    """The heads, trained on frozen features and averaged over the last steps (EMA), in inference mode."""
    torch.manual_seed(recipe.seed)
    names = class_vectors(encode, recipe.broader)
    captions = Captions(recipe.hidden, recipe.text_hidden, recipe.dropout)
    heads = Heads(
        ClassNames(names, recipe.class_temperature),
        captions,
        Gate(recipe.gate_low, recipe.gate_high),
        recipe.image_share,
    )
    _train_captions(CaptionLoss(heads, classifier, names, recipe), captioned, labelled, recipe)
    _train_gate(heads.gate, captioned, encode)
    return heads.eval().requires_grad_(False)


class CaptionLoss(nn.Module):
    """What the caption half is trained on.

    Pictures find their sentences and sentences their pictures, within each source by itself: the two sources look so
    different that telling them apart would teach nothing, and a label such as "a photo of a dog" is right for many
    captioned pictures. Distillation (Hinton et al., arXiv:1503.02531) makes the caption half also rank the 1,000 class
    names as the published classifier does.
    """

    def __init__(self, heads: Heads, classifier: nn.Linear, names: Tensor, recipe: Recipe) -> None:
        """classifier: the published one. names: (1000, 384)."""
        super().__init__()
        self.captions, self.names, self.classifier, self.recipe = heads.captions, heads.names, classifier, recipe
        self.register_buffer("name_vectors", names)
        self.log_scales = nn.Parameter(torch.full((2,), math.log(20.0)))

    def forward(
        self, features: Tensor, logits: Tensor, captioned: Batch, labelled: Batch, strangers: Strangers | None = None
    ) -> Tensor:
        """The loss of one step. features (b, 1280) and logits (b, 1000): what the backbone makes of both batches, one
        after the other.

        strangers: more sentences that captioned pictures are told from.
        """
        halves = self.captions(features, self.names(logits))
        first, second = halves.split([len(captioned.inputs), len(labelled.inputs)])
        by_name = halves @ self.captions.of_text(self.name_vectors).T * self.log_scales[1].exp()
        taught = self.taught(captioned, labelled)
        return (
            self._pairs(first, captioned, strangers)
            + self.recipe.labelled_weight * self._pairs(second, labelled)
            + self.recipe.distil * distillation(by_name, taught / self.recipe.distil_temperature)
        )

    @torch.no_grad()
    def taught(self, captioned: Batch, labelled: Batch) -> Tensor:
        """(b, 1000) the teacher's logits."""
        return self.classifier(torch.cat([captioned.taught, labelled.taught]))

    def _pairs(self, halves: Tensor, batch: Batch, strangers: Strangers | None = None) -> Tensor:
        scale = self.log_scales[0].exp()
        scores = halves @ self.captions.of_text(batch.sentences).T * scale
        loss = contrastive(scores, batch.right)
        if strangers is None:
            return loss
        sentences, describes = strangers
        more = torch.cat([scores, halves @ self.captions.of_text(sentences).T * scale], dim=1)
        right = torch.cat([batch.right, batch.described_by[:, None] == describes[None]], dim=1)
        return (2 * loss + of_shares(more, right)) / 3


def _train_captions(loss_of: CaptionLoss, captioned: Pictures, labelled: Pictures, recipe: Recipe) -> None:
    dice = torch.Generator().manual_seed(recipe.seed)
    trained = [*loss_of.captions.parameters(), loss_of.log_scales]
    optimiser = torch.optim.AdamW(trained, lr=recipe.rate, weight_decay=recipe.decay)
    steps = recipe.epochs * (len(captioned.described_by) // recipe.captioned_batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps, pct_start=0.15)
    average = AveragedModel(loss_of.captions, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    for step in range(steps):
        batches = [source.draw(size, dice, maps=False) for source, size in _sizes(captioned, labelled, recipe)]
        features = torch.cat([batch.inputs for batch in batches])
        loss = loss_of(features, loss_of.classifier(features), *batches)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        average.update_parameters(loss_of.captions)
        if step % 100 == 0 or step == steps - 1:
            print(f"captions: step {step + 1} of {steps}, loss {loss.item():.3f}", flush=True)
    loss_of.captions.load_state_dict(average.module.state_dict())


def _sizes(captioned: Pictures, labelled: Pictures, recipe: Recipe) -> tuple[tuple[Pictures, int], ...]:
    return (captioned, recipe.captioned_batch), (labelled, recipe.labelled_batch)


def contrastive(scores: Tensor, right: Tensor) -> Tensor:
    """Symmetric InfoNCE where a row or column may have several right partners, each an equal share of the target."""
    return (of_shares(scores, right) + of_shares(scores.T, right.T)) / 2


def of_shares(scores: Tensor, right: Tensor) -> Tensor:
    """Cross entropy of each row against its right columns, an equal share for each."""
    return F.cross_entropy(scores, right.float() / right.sum(1, keepdim=True))


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
        loss = (
            F.binary_cross_entropy_with_logits(found, is_sentence, weights)
            + 1e-3 * gate.sentence_like.weight.square().sum()
        )
        loss.backward()
        return loss

    optimiser.step(closure)


def _framed(name: str) -> str:
    return f"a photo of {with_article(name)}"


def wordings(sentence: str) -> tuple[str, str, str]:
    """How one may ask for a labelled picture."""
    return sentence, without_frame(sentence), bare(sentence)
