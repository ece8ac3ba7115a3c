"""The vendored folder: its table, its tokenizer's habits, and that it can be lifted out."""

from __future__ import annotations

import ast
import hashlib
import random
import sys
import time
from pathlib import Path

import pytest
import torch

from src.vendored_clip import clip, simple_tokenizer
from src.vendored_clip.simple_tokenizer import SimpleTokenizer, clean

FOLDER = Path(simple_tokenizer.__file__).parent


def test_the_table_is_the_published_one() -> None:
    digest = hashlib.sha256(simple_tokenizer.VOCABULARY_FILE.read_bytes()).hexdigest()
    assert digest == "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"


def test_it_imports_nothing_of_the_project_and_no_torchvision() -> None:
    allowed = {"torch", "safetensors", "numpy", "PIL", "ftfy", "regex"}
    modules = sorted(FOLDER.glob("*.py"))
    assert len(modules) == 6
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            outside = {name.split(".")[0] for name in names} - allowed
            assert outside <= sys.stdlib_module_names, (path.name, outside)
            assert not (isinstance(node, ast.ImportFrom) and node.level > 1)


def test_known_tokens() -> None:
    """The example of openai/CLIP's notebook, and the shape of an empty text."""
    assert clip.tokenize("hello world!")[0, :6].tolist() == [49406, 3306, 1002, 256, 49407, 0]
    assert clip.tokenize([""])[0, :3].tolist() == [49406, 49407, 0]
    assert clip.tokenize([]).shape == (0, 77)
    assert clip.tokenize(["a", "b"]).dtype is torch.int64


def test_a_long_text_is_refused_or_cut_before_the_end_mark() -> None:
    with pytest.raises(ValueError, match="longer than 77"):
        clip.tokenize("cat " * 76)
    exact = clip.tokenize("cat " * 75)
    cut = clip.tokenize("cat " * 500, truncate=True)
    assert torch.equal(exact, cut)
    assert (cut[0, 0], cut[0, -1]) == (49406, 49407)
    assert clip.tokenize("cat " * 500, context_length=10, truncate=True).tolist() == [[49406, *[2368] * 8, 49407]]


def test_cleaning() -> None:
    assert clean("  A\t\nCAFÃ©  &amp;amp; Bar ") == "a café & bar"
    assert clean("<b> &amp;amp; &lt;") == "<b> & <", "resolved twice where ftfy leaves entities alone, beside a tag"


def test_decode_gives_the_cleaned_words_back() -> None:
    tokenizer = SimpleTokenizer()
    for text in ("a photo of a cat", "schöne grüße 😀 犬", "<|startoftext|>cat <|endoftext|>"):
        assert tokenizer.decode(tokenizer.encode(text)).strip() == text
    assert tokenizer.decode([tokenizer.encode("犬")[0]]) != ""


def test_a_limit_gives_the_first_tokens() -> None:
    tokenizer = SimpleTokenizer()
    text = "an extraordinarily incomprehensible photograph"
    whole = tokenizer.encode(text)
    assert [tokenizer.encode(text, limit=n) for n in range(len(whole) + 2)] == [
        whole[:n] for n in range(len(whole) + 2)
    ]


def test_a_word_of_a_hundred_thousand_letters_takes_no_minutes() -> None:
    """A textbook implementation looks at all of the word once for each of the thousands of rules that fit it."""
    letters = random.Random(0).choices("abcdefghijklmnopqrstuvwxyz", k=100_000)
    start = time.perf_counter()
    assert clip.tokenize("".join(letters), truncate=True).shape == (1, 77)
    assert time.perf_counter() - start < 20
