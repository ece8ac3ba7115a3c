"""Our tokenizer against transformers.CLIPTokenizer, built from the same table, on text cleaned as OpenAI cleans it."""

from __future__ import annotations

import gzip
import html
import json
import os
import random
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import ftfy
import pytest
import torch
from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from src.vendored_clip import clip
from src.vendored_clip.simple_tokenizer import VOCABULARY_FILE, WORD, SimpleTokenizer, clean

Record = Callable[[str, object], None]

SUBJECTS = [
    "a dog",
    "two small children",
    "an old man's hat",
    "the red-brown horse",
    "3 cats",
    "nobody",
    "IMG_2041.JPG",
    "a café owner",
]
ACTIONS = [
    "running on",
    "doesn't look at",
    "jumping over",
    "sleeping under",
    "they're painting",
    "is near",
    "photographed @",
    "sits on",
]
PLACES = [
    "wet grass",
    "the Zürich skyline",
    "a 1970s kitchen",
    "snow & ice",
    "New York, NY",
    "a sand-dune (at dusk)",
    "its owner's car",
]
ENDINGS = ["", ".", "!!!", " — in black and white", " #nofilter", ", 35mm f/1.8", " ;-)"]

HARD = """
😀|👩‍👩‍👧‍👦 family|🇩🇪🇯🇵 flags|👍🏽|❤️ heart|a 🐕 on 🌿!!|☃|🧑🏿‍🚀 in space|♥♦♣♠
собака бежит по траве|Ёжик в тумане|כלב רץ על הדשא|كلب يركض على العشب|สุนัขวิ่งบนหญ้า|घास पर दौड़ता कुत्ता|一只在草地上奔跑的狗
草の上を走る犬|잔디 위를 달리는 개|Ο σκύλος τρέχει ΣΤΟΥΣ ΔΡΟΜΟΥΣ|İstanbul'da bir KÖPEK|ǅungla
STRASSE Straße|naïve Ångström|e\u0301te\u0301|Ａ ｆｕｌｌ ｗｉｄｔｈ
ﬁnd the ﬂag|ﾊﾟﾝ|“curly” ‘quotes’ …|rock’n’roll|it's we'll they've I'm he'd don't|\
'S 'T 'RE|''''|ICH'S|x'sy
&amp;|&amp;amp; twice|&lt;b&gt;bold&lt;/b&gt;|caf&eacute; &#128054; &nbsp;dog|&notanentity;|\
AT&T|a &lt; b|&quot;sign&quot;
<b> &amp;amp; &lt;i&gt;
schÃ¶n|â€œmojibakeâ€\x9d|l’Ã©tÃ©|\ufeffbom|a\u200bb|soft\u00adhyphen|\x1b[31mred\x1b[0m|nul\x00byte|line\u0085next|a\u2028b
  leading|trailing  |tab\there|new\nline\r\nand more|\u00a0nbsp\u00a0|\u3000wide\u3000space|   |\t\n|a  b   c
1234567890|3.14159|1/2 ½ ²|$1,234.50|№ 5|２０２６|٣٤٥|Ⅷ|007|10:30|1e-5|v2.0.1
<¦startoftext¦>|<¦endoftext¦>|a <¦endoftext¦> b|<¦ENDOFTEXT¦>|<¦ endoftext ¦>|¦start|end<
https://example.org/a?b=c&d=e#f|C:\\Users\\me\\Pictures|/home/me/.config|me@example.org|\
#tag @name|a_b-c.d|snake_case_name|~!@#$%^&*()_+
a\u0308o\u0308|각|각|Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L|𝔊𝔬𝔱𝔥𝔦𝔠|🅰🅱|①②③|\ud7ff|\uffff|\U0010ffff|ſ|ß|ﬀ
"""

SCRIPTS = [
    "abcdefghij KLMNOP",
    "äöüßéèñç",
    "абвгдЖЗИ",
    "אבגדה",
    "ابتثج",
    "กขคงจ",
    "कखगघङ",
    "一二三犬猫",
    "あいうえおカキ",
    "가나다라",
    "😀🐕🌿👍🏽",
    "0123456789",
    ".,;:!?'\"-_()&#",
    " \t\n",
]


def captions() -> list[str]:
    return [f"{a} {b} {c}{d}" for a, b, c, d in product(SUBJECTS, ACTIONS, PLACES, ENDINGS)][::3]


def mixed_scripts(n: int) -> list[str]:
    chance = random.Random(7)
    words = ["".join(chance.choice(chance.choice(SCRIPTS)) for _ in range(chance.randint(1, 12))) for _ in range(4 * n)]
    return [" ".join(chance.sample(words, chance.randint(1, 6))) for _ in range(n)]


def long_texts() -> list[str]:
    chance = random.Random(8)
    one_word = "".join(chance.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(10_000))
    return [
        " ".join(captions())[:10_000],
        one_word,
        "a" * 10_000,
        "!" * 10_000,
        "🐕" * 2_500,
        "1" * 10_000,
        "дом " * 2_500,
        one_word[:75],
    ]


@pytest.fixture(scope="module")
def reference() -> CLIPTokenizer:
    lines = gzip.decompress(VOCABULARY_FILE.read_bytes()).decode().split("\n")
    merges = [tuple(line.split()) for line in lines[1 : 49152 - 256 - 2 + 1]]
    symbols = list(bytes_to_unicode().values())
    tokens = [*symbols, *(s + "</w>" for s in symbols), *(a + b for a, b in merges), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: id for id, token in enumerate(tokens)}, merges=merges, model_max_length=77)


def expected_tokens(reference: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """OpenAI's cleaning, transformers' tokens, and zeros after the end where transformers repeats the end mark."""
    cleaned = [
        re.sub(r"\s+", " ", html.unescape(html.unescape(ftfy.fix_text(text))).strip()).strip().lower() for text in texts
    ]
    rows = reference(cleaned, truncation=True, max_length=77)["input_ids"]
    return torch.tensor([row + [0] * (77 - len(row)) for row in rows])


def compare(reference: CLIPTokenizer, texts: list[str], what: str, record_property: Record) -> None:
    ours, expected = clip.tokenize(texts, truncate=True), expected_tokens(reference, texts)
    different = [text for text, a, b in zip(texts, ours, expected, strict=True) if not torch.equal(a, b)]
    print(f"\n{what}: {len(texts)} strings, {len(set(texts))} of them distinct, {len(different)} with other tokens")
    record_property(what, {"strings": len(texts), "different": len(different)})
    assert not different, [text[:80] for text in different[:10]]


def test_tokens_equal_transformers(reference: CLIPTokenizer, record_property: Record) -> None:
    hard = [text.replace("¦", "|") for line in HARD.strip("\n").split("\n") for text in line.split("|")]
    texts = [
        *captions(),
        *hard,
        *(line.replace("|", " ") for line in HARD.split("\n")),
        *mixed_scripts(1_200),
        *long_texts(),
        "",
    ]
    assert len(set(texts)) >= 2_000
    compare(reference, texts, "made strings", record_property)


def test_flickr8k_captions_equal_transformers(reference: CLIPTokenizer, record_property: Record) -> None:
    folder = os.environ.get("MFE_TEST_DATA")
    if not folder:
        pytest.skip("MFE_TEST_DATA names no folder with flickr8k")
    with (Path(folder) / "flickr8k" / "captions.jsonl").open(encoding="utf-8") as lines:
        texts = [caption for line in lines for caption in json.loads(line)["captions"]]
    assert len(texts) > 40_000
    compare(reference, texts, "flickr8k captions", record_property)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x|<|endoftext|>", ["x", "|<|", "endoftext", "|>"]),  # transformers looks for special tokens before it splits
        ("ſ'ſ", ["ſ", "'ſ"]),  # OpenAI's pattern ignores case, and long s is an s then
        ("a <|endoftext|> b", ["a", "<|endoftext|>", "b"]),
    ],
)
def test_words_where_transformers_departs_from_openai(text: str, words: list[str]) -> None:
    assert WORD.findall(clean(text)) == words


def test_every_rule_comes_after_the_rules_that_make_its_parts() -> None:
    """So merging the best pair at a time gives what merging all its occurrences at a time gives, which is what OpenAI
    does.
    """
    ranks = SimpleTokenizer()._ranks
    made = {"".join(pair): rank for pair, rank in ranks.items()}
    assert len(made) == len(ranks) == 48_894
    assert all(made.get(part, -1) < rank for pair, rank in ranks.items() for part in pair)
