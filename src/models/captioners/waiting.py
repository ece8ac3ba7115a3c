"""How long a server that is busy asks to be left alone, and how long one waits where it does not say."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from src.errors import NotDescribed

Halted = Callable[[], bool]
"""Whether the work is to end."""
_STEP_S = 0.25
"""While waiting it is asked so often whether the work is to end."""
_LIMITS = ("requests", "tokens")
_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_TIME = r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|[dhms]))+"
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|[dhms])")
_TRY_AGAIN = re.compile(rf"try again in ({_TIME})", re.IGNORECASE)


@dataclass(frozen=True)
class Patience:
    """How often one picture is asked for, and how long is waited for what, in seconds."""

    connect_s: float = 10.0
    answer_s: float = 300.0
    """For a whole answer: a large model on a processor takes minutes."""
    attempts: int = 7
    """An answer that did not come in time counts for three of them."""
    pause_s: float = 1.0
    """First pause where the server asks for none; each further one is twice as long."""
    longest_s: float = 300.0
    """A server that asks for a longer pause is not waited for."""


@dataclass(frozen=True)
class Clock:
    """What time it is (seconds since 1970), how one waits, and a number from 0 to 1 that differs each time."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random


def never() -> bool:
    """Work that goes on to its end."""
    return False


def stop_if(halted: Halted) -> None:
    """Raises NotDescribed where the work is to end."""
    if halted():
        raise NotDescribed("The work was ended before this picture was described.")


def pause(seconds: float, clock: Clock, halted: Halted) -> None:
    """Wait. Raises NotDescribed as soon as the work is to end."""
    left = seconds
    while left > 0:
        stop_if(halted)
        clock.sleep(min(left, _STEP_S))
        left -= _STEP_S
    stop_if(halted)


def backing_off(attempt: int, patience: Patience, clock: Clock) -> float:
    """Seconds before the next attempt (0 for the first): twice as many each time, less up to a half of them by chance,
    so that those who were refused together do not come back together.
    """
    return float(min(patience.pause_s * 2**attempt, patience.longest_s) * (0.5 + clock.jitter() / 2))


def asked_to_wait(headers: Mapping[str, str], message: str, now: float) -> float:
    """Seconds that an answer asks to wait for, 0 where it does not say: by ``Retry-After`` (seconds or a date), by
    ``x-ratelimit-reset-*`` (``1m2.5s``) or by its message (``try again in 5.289s``).
    """
    told = _TRY_AGAIN.search(message)
    return _retry_after(headers.get("retry-after", ""), now) or _reset(headers) or (duration(told[1]) if told else 0.0)


def duration(text: str) -> float:
    """Seconds of ``1m2.5s``, ``120ms`` or ``7``; 0 for what is none."""
    said = text.strip().lower()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", said, re.ASCII):
        return float(said)
    if not re.fullmatch(_TIME, said, re.ASCII):
        return 0.0
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(said))


def _retry_after(value: str, now: float) -> float:
    """Seconds of a Retry-After header, 0 where it is absent, nonsense or past."""
    if seconds := duration(value):
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0


def _reset(headers: Mapping[str, str]) -> float:
    """Seconds until the limits that are used up are so no more; of all of them where it is not told which are."""
    resets = {limit: duration(headers.get(f"x-ratelimit-reset-{limit}", "")) for limit in _LIMITS}
    used_up = [reset for limit, reset in resets.items() if headers.get(f"x-ratelimit-remaining-{limit}") == "0"]
    return max(used_up or resets.values())
