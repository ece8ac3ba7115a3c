"""What an evaluation says, in sentences."""

from __future__ import annotations

from src.models.embedders import vgg
from src.models.looking import BUILTIN_VISUAL
from src.models.registry import BUILTIN, VGG
from src.schema.lab import Evaluation, Measured
from src.services.lab.measures import cosine_at
from src.text import count

_ABOUT = {
    BUILTIN: "The built-in model, cut after its head: pictures by what they mean, comparable with words.",
    BUILTIN_VISUAL: "The built-in model, cut before its head: pictures by how they look, not comparable with words.",
    vgg.RANDOM: "No model: VGG-16's shape with random weights, which has learned nothing: a floor for the others.",
    VGG: "VGG-16, trained on ImageNet, cut after its convolutions, of which each number is a mean over the picture.",
    vgg.FC7: "The same VGG-16, cut at the last layer but one of its classifier, as most studies have it.",
}
YES, MOSTLY = 0.9, 0.75
"""Of pairs, the share from which on the answer is yes, and mostly."""


def warnings(done: Evaluation) -> list[str]:
    """What makes the figures better or worse than they should be."""
    found = list[str]()
    across, conflicting = done.copies.across, done.copies.conflicting
    if across:
        asked = len({number for pair in across for number in pair if done.asked[number]})
        same = count(asked, "picture that is asked with is", "pictures that are asked with are")
        found.append(
            f"{same} nearly the same as one that is learned from: knn and the linear probe are too good by up to"
            f" {100 * asked / max(1, int(done.asked.sum())):.1f} points."
        )
    if conflicting:
        pairs = count(
            len(conflicting), "pair of nearly the same pictures has", "pairs of nearly the same pictures have"
        )
        found.append(f"{pairs} two classes: one of each is labelled wrong, or both are right.")
    if done.found.skipped:
        left = count(len(done.found.skipped), "file was", "files were")
        found.append(f"{left} not measured.")
    return found


def split(done: Evaluation) -> str:
    """What was learned from, what was asked, and who said so."""
    asked = int(done.asked.sum())
    by = "as the set itself says" if done.split == "the set" else "drawn by chance, the same each time"
    return f"{len(done.asked) - asked:,} pictures learned from, {asked:,} asked with ({by})"


def speed(done: Evaluation) -> str:
    """How long it took, and what reading ahead was worth."""
    return speed_of(done.seconds, done.workers, done.speed_up)


def speed_of(seconds: float, workers: int, speed_up: float) -> str:
    """The same, of figures."""
    return (
        f"{seconds:,.0f} s; with {count(workers, 'thread')} that read ahead, vectors were made {speed_up:.1f} times as"
        " fast as with one step after the other."
    )


def about(model: str) -> str:
    """One sentence on a model."""
    return _ABOUT.get(model, "")


def distributions(one: Measured) -> str:
    """How far the similarities of pairs of one class and of two lie apart."""
    of_one, of_two = cosine_at(one.same, 0.5), cosine_at(one.different, 0.5)
    return (
        f"Half of the pairs of one class have a cosine over {of_one:.2f}, half of the pairs of two classes over"
        f" {of_two:.2f}. A pair of one class is the more similar one in {100 * one.auc:.1f} of 100 cases"
        " (50 would be chance)."
    )


def answer(done: Evaluation) -> list[str]:
    """Whether similar pictures have similar vectors, in sentences; nothing where it was not asked."""
    asked = [one for one in done.models if one.altered and one.model != vgg.RANDOM]
    if not asked:
        return []
    best = max(asked, key=lambda one: one.auc)
    verdict = "Yes" if best.auc >= YES else "Mostly" if best.auc >= MOSTLY else "Only weakly"
    said = [
        f"Are the vectors of two similar pictures similar, too? {verdict}, if similar means of one class: with"
        f" {best.model}, of a pair of one class and a pair of two the first is the more similar one in"
        f" {100 * best.auc:.1f} of 100 cases, and {10 * best.precision[10]:.1f} of the 10 nearest pictures are of the"
        " same class.",
        _of_altered(max(asked, key=lambda one: sum(way.found for way in one.altered)), len(done.classes)),
    ]
    floor = next((one for one in done.models if one.model == vgg.RANDOM), None)
    if floor:
        said.append(
            f"A network that has learned nothing reaches {100 * floor.auc:.1f} of 100 and"
            f" {10 * floor.precision[10]:.1f} of 10: that much is in colours and outlines alone."
        )
    return said


def _of_altered(best: Measured, pictures: int) -> str:
    worst = min(best.altered, key=lambda way: way.found)
    kept = sum(way.found >= YES for way in best.altered)
    mean = sum(way.found for way in best.altered) / len(best.altered)
    verdict = "Yes" if mean >= YES else "Mostly" if mean >= MOSTLY else "Not always"
    ways = len(best.altered)
    return (
        f"{verdict}, if similar means the same picture altered: with {best.model}, {kept} of {ways} ways of altering"
        f" leave at least 9 of 10 pictures the first that is found among {pictures:,}; the worst is"
        f' "{worst.how}", with {100 * worst.found:.0f} of 100.'
    )
