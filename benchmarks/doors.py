"""Whether a wrong token costs the time of a right one: python -m benchmarks.doors [--requests N] [--tokens N] [--json]

Right and wrong tokens are checked in turn, in an order drawn anew, among many stored ones; printed are both medians and
their ratio, which is 1 where time tells nothing.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import command
from src.services.library.tokens import Tokens


def measure(requests: int, number: int, seed: int = 0) -> dict[str, Any]:
    """Seconds of one check: medians of ``requests`` of each kind, with ``number`` tokens stored."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = Tokens(Path(folder) / "tokens.json")
        right = [tokens.create(str(each)).reveal() for each in range(number)]
        drawn = random.Random(seed)
        tried = [(kind, drawn.choice(right)) for kind in ("right", "wrong") for _ in range(requests)]
        drawn.shuffle(tried)
        took: dict[str, list[float]] = {"right": [], "wrong": []}
        for kind, text in tried:
            shown = text if kind == "right" else text[:-1] + ("A" if text[-1] != "A" else "B")
            begun = time.perf_counter()
            tokens.holder(shown)
            took[kind].append(time.perf_counter() - begun)
    medians = {kind: statistics.median(seconds) for kind, seconds in took.items()}
    return {
        "requests": requests,
        "tokens": number,
        "right_us": round(medians["right"] * 1e6, 3),
        "wrong_us": round(medians["wrong"] * 1e6, 3),
        "ratio": round(medians["wrong"] / medians["right"], 4),
    }


def table(found: dict[str, Any]) -> str:
    return (
        f"{found['requests']:,} checks of each kind among {found['tokens']} tokens: right {found['right_us']} us, "
        f"wrong {found['wrong_us']} us, wrong/right {found['ratio']}"
    )


def main() -> int:
    parser = command.parser("doors", __doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="of each kind (%(default)s)")
    parser.add_argument("--tokens", type=int, default=20, help="that are stored (%(default)s)")
    said: argparse.Namespace = parser.parse_args()
    return command.told(lambda: measure(said.requests, said.tokens), table, said.json)


if __name__ == "__main__":
    raise SystemExit(main())
