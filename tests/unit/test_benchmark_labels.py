"""What ``benchmarks.labels`` takes for right, and how it counts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import labels, labels_truth
from src.models import label_bank, label_words
from src.models.label_bank import Calibration, LabelBank
from src.models.label_words import Vocabulary


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return label_words.shipped()


def named(words: Vocabulary, numbers: set[int]) -> set[str]:
    return {words.words[number].word for number in numbers}


def test_a_class_is_the_labels_that_its_names_and_broader_terms_are_and_all_these_imply(words: Vocabulary) -> None:
    classes = labels_truth.labels_of_classes(words)
    assert named(words, classes["n02099601"]) == {"golden retriever", "dog", "animal"}
    assert named(words, classes["n01608432"]) == {"kite (bird)", "hawk", "bird of prey", "bird", "animal"}, "no toy"
    assert len(classes) == 1_000 and sum(not some for some in classes.values()) == 48
    assert [word for word in labels_truth.WORDS.values() if word and word not in words] == []


def test_only_what_the_names_of_a_set_can_judge_is_counted() -> None:
    tree = label_words.read("animal\n  dog\n    beagle\n  cat\nbeach\n")
    bank = LabelBank(tree, np.eye(5, dtype=np.float32), Calibration(0.05, 1.0, 0.0, 0.6))
    coco = {name: tree.implied([tree.number(name)]) for name in ("dog", "cat")}
    photos = np.eye(5, dtype=np.float32)[[1, 2, 2, 4]]  # said of them: dog, beagle, beagle, beach
    judged = labels._of_boxes(photos, [{"dog"}, {"dog"}, {"cat"}, {"cat"}], coco, tree)
    found = labels._figures(bank, judged)
    assert found["labels"] == found["any"] == 1 and found["judged"] == 0.5
    assert found["precision"] == 0.5, (
        "a beagle is no cat; whether a dog is one, boxes do not tell, nor is there a beach"
    )
    assert found["recall"] == pytest.approx(5 / 8), "a beagle says that there is a dog and an animal"


def test_calibrations_that_ship_make_sense() -> None:
    from src.models.embedders.builtin import BuiltinEmbedder

    fitted = label_bank.calibration(BuiltinEmbedder().space)
    assert fitted is not None, "the built-in model was changed: python -m benchmarks.labels --fit"
    assert 0 < fitted.temperature < 1 and fitted.slope > 0 and 0.5 < fitted.shown < 1
