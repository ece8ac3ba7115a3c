"""CLIP's byte-pair encoding: text is mended, lowercased and split into words, whose bytes a ranked table merges.

Sennrich et al. 2016 (arXiv:1508.07909) on bytes, as in GPT-2; table and cleaning are those of openai/CLIP.
"""

from __future__ import annotations

import gzip
import heapq
import html
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from pathlib import Path

import ftfy
import regex

VOCABULARY_FILE = Path(__file__).with_name("bpe_simple_vocab_16e6.txt.gz")
START_OF_TEXT = "<|startoftext|>"
END_OF_TEXT = "<|endoftext|>"
END_OF_WORD = "</w>"
MERGES = 49_152 - 256 - 2
"""The table file is longer; CLIP uses so many of its rules, so that with bytes and two tokens ids end at 49,407."""

WORD = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+",
    regex.IGNORECASE,
)


def clean(text: str) -> str:
    """What CLIP's training text went through: encodings mended, entities resolved twice, single blanks, lowercase."""
    mended = html.unescape(html.unescape(ftfy.fix_text(text)))
    return regex.sub(r"\s+", " ", mended).strip().lower()


class SimpleTokenizer:
    """Text to token ids (0..49,407) and back. Safe to use from several threads."""

    def __init__(self) -> None:
        lines = gzip.decompress(VOCABULARY_FILE.read_bytes()).decode("utf-8").split("\n")
        merges = [tuple(line.split()) for line in lines[1 : MERGES + 1]]
        self._byte_symbols = _byte_symbols()
        symbols = list(self._byte_symbols.values())
        vocabulary = [*symbols, *(s + END_OF_WORD for s in symbols), *map("".join, merges), START_OF_TEXT, END_OF_TEXT]
        self._ids = {token: id for id, token in enumerate(vocabulary)}
        self._tokens = vocabulary
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._word_ids = lru_cache(maxsize=10_000)(self._encode_word)
        self.start_of_text = self._ids[START_OF_TEXT]
        self.end_of_text = self._ids[END_OF_TEXT]

    def encode(self, text: str, limit: int | None = None) -> list[int]:
        """Token ids of ``text`` without start and end: the first ``limit``, and later words are not looked at."""
        words = (match.group() for match in WORD.finditer(clean(text)))
        return list(islice((id for word in words for id in self._word_ids(word)), limit))

    def decode(self, ids: Iterable[int]) -> str:
        """The cleaned text, with a space after each word."""
        byte_of = {symbol: byte for byte, symbol in self._byte_symbols.items()}
        joined = "".join(self._tokens[id] for id in ids).replace(END_OF_WORD, " ")
        return b"".join(bytes([byte_of[c]]) if c in byte_of else c.encode() for c in joined).decode(
            "utf-8", errors="replace"
        )

    def _encode_word(self, word: str) -> tuple[int, ...]:
        if word in (START_OF_TEXT, END_OF_TEXT):
            return (self._ids[word],)
        symbols = [self._byte_symbols[byte] for byte in word.encode("utf-8")]
        symbols[-1] += END_OF_WORD
        return tuple(self._ids[part] for part in self._merge(symbols))

    def _merge(self, symbols: list[str]) -> list[str]:
        """Applies the lowest-ranked rule that fits, leftmost first, until none fits.

        A heap of (rank, position) keeps this near-linear, for a query may be one word of ten thousand letters.
        Positions form a ring through an empty last part, which fits no rule; a part that was merged into its left
        neighbour is empty too.
        """
        parts, end = [*symbols, ""], len(symbols)
        after, before = [*range(1, end + 1), 0], [end, *range(end)]
        heap: list[tuple[int, int]] = []

        def offer(at: int) -> None:
            rank = self._ranks.get((parts[at], parts[after[at]]))
            if rank is not None:
                heapq.heappush(heap, (rank, at))

        for at in range(end):
            offer(at)
        while heap:
            rank, at = heapq.heappop(heap)
            gone = after[at]
            if self._ranks.get((parts[at], parts[gone])) != rank:
                continue  # one of the two has been merged with another part since
            parts[at], parts[gone] = parts[at] + parts[gone], ""
            after[at] = after[gone]
            before[after[at]] = at
            offer(before[at])
            offer(at)
        return [part for part in parts if part]


def _byte_symbols() -> dict[int, str]:
    """A visible character for each byte: Latin-1's where it is one, and for the rest code points from 256 on, last."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + i) for i, byte in enumerate(rest)}
