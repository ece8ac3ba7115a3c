"""Tries the built-in model with the query bank and writes what comes of it: ``python -m training.query_bank``."""

from __future__ import annotations

from pathlib import Path

from src.models import query_bank
from src.models.embedders.builtin import BuiltinEmbedder
from src.services.search.described import Sentences


def write_query_bank(folder: Path = query_bank.SHIPPED) -> None:
    """folder: the model's files, where the bank goes too."""
    model = BuiltinEmbedder(folder)
    query_bank.save(query_bank.build(model.encode_texts), folder / query_bank.file_name(model.space))
    sentences = Sentences(model.sentence_vectors)
    query_bank.save(query_bank.build(sentences.encode), folder / query_bank.file_name(sentences.space))


if __name__ == "__main__":
    write_query_bank()
