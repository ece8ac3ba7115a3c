"""Whether a wrong token costs the time of a right one: python -m benchmarks.doors [--checks N] [--requests N]
[--tokens N] [--json]

Right tokens, wrong ones that differ in their last character alone (near) and wrong ones of other characters (far) are
tried in an order drawn anew, among many stored ones: as the check alone (``check``), and as whole requests to an app
that its user started, over one connection, for an address that there is nothing at, so that who is let in gets an
answer as short as who is refused (``request``). Printed are the medians in microseconds, and the ratios of medians,
which are 1 where time tells nothing, with the least and the largest of ten equal parts of the run.
"""

from __future__ import annotations

import argparse
import http.client
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import browsing, command
from src.config import Settings
from src.services.library.tokens import Tokens

KINDS = ("right", "near", "far")
PARTS = 10
CHECKS, REQUESTS, TOKENS = 20_000, 4_000, 20
NOTHING = "/api"
"""An address of which nobody is told anything."""
STATUS = {"right": 404, "near": 401, "far": 401}

Tried = list[tuple[str, str]]
"""Kind and token."""


def drawn(right: Sequence[str], number: int, seed: int) -> Tried:
    """So many tokens of each kind, mixed."""
    dice = random.Random(seed)
    tried = [(kind, _of_kind(kind, dice.choice(right), dice)) for kind in KINDS for _ in range(number)]
    dice.shuffle(tried)
    return tried


def _of_kind(kind: str, token: str, dice: random.Random) -> str:
    if kind == "right":
        return token
    if kind == "near":
        return token[:-1] + ("A" if token[-1] != "A" else "B")
    start, _, rest = token.partition("_")
    return f"{start}_{''.join(dice.choices('abcdefghijkmnopqrstuvwxyz0123456789', k=len(rest)))}"


def timed(tried: Tried, ask: Callable[[str, str], object]) -> list[tuple[str, float]]:
    """Kind and seconds of each try."""
    took = []
    for kind, token in tried:
        begun = time.perf_counter()
        ask(kind, token)
        took.append((kind, time.perf_counter() - begun))
    return took


def figures(took: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """Medians in microseconds; of each ratio the whole run's, and the least and the largest of its parts."""
    size = max(1, len(took) // PARTS)
    parts = [_medians(took[at : at + size]) for at in range(0, len(took) - size + 1, size)]
    whole = _medians(took)
    told: dict[str, Any] = {f"{kind}_us": round(whole[kind] * 1e6, 2) for kind in KINDS}
    for one, other in (("near", "right"), ("near", "far")):
        ratios = [part[one] / part[other] for part in parts]
        spread = [round(min(ratios), 3), round(max(ratios), 3)]
        told[f"{one}_to_{other}"] = {"ratio": round(whole[one] / whole[other], 4), "parts": spread}
    return told


def _medians(took: Sequence[tuple[str, float]]) -> dict[str, float]:
    return {kind: statistics.median(seconds for each, seconds in took if each == kind) for kind in KINDS}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Raises NotHere where the app does not start."""
    with tempfile.TemporaryDirectory(prefix="doors-") as folder:
        settings = Settings(home=Path(folder))
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        tokens = Tokens(settings.tokens_file)
        right = [tokens.create(str(number)).reveal() for number in range(options.tokens)]
        check = timed(drawn(right, options.checks, 0), lambda _, token: tokens.holder(token))
        with browsing.started(settings.home) as (url, _):
            browsing.await_answer(url)
            asked = _asking(url)
            timed(drawn(right, 30, 1), asked)  # a first use of a token is noted, and the app has warmed up
            time.sleep(1.0)
            request = timed(drawn(right, options.requests, 2), asked)
    return {
        "tokens": options.tokens,
        "checks": options.checks,
        "requests": options.requests,
        "check": figures(check),
        "request": figures(request),
    }


def _asking(url: str) -> Callable[[str, str], None]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=browsing.SECONDS)

    def ask(kind: str, token: str) -> None:
        connection.request("GET", NOTHING, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != STATUS[kind]:
            raise browsing.NotHere(f"A {kind} token got {answer.status}.")

    return ask


def table(found: dict[str, Any]) -> str:
    lines = []
    for what, number in (("check", found["checks"]), ("request", found["requests"])):
        told = found[what]
        times = ", ".join(f"{kind} {told[f'{kind}_us']:.1f} us" for kind in KINDS)
        ratios = [(name, told[name]) for name in ("near_to_right", "near_to_far")]
        said = ", ".join(
            f"{name.replace('_', ' ')} {ratio['ratio']} ({ratio['parts'][0]} to {ratio['parts'][1]})"
            for name, ratio in ratios
        )
        lines.append(f"{what}, {number:,} of each kind among {found['tokens']} tokens: {times}; {said}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 done, 1 failed with a reason."""
    parser = command.parser("doors", __doc__)
    parser.add_argument("--checks", type=int, default=CHECKS, help="of each kind (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each kind (default: %(default)s)")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="that are stored (default: %(default)s)")
    options = parser.parse_args(arguments)
    return command.told(lambda: measure(options), table, options.json)


if __name__ == "__main__":
    sys.exit(main())
