"""Guesses at tokens, limited for each address that they come from: nobody else waits for what one does."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import Scope

FREE = 5
"""Wrong ones in a row that have to be waited for by nobody."""
MOST_SECONDS = 30.0
FORGOTTEN_AFTER = 900.0
ADDRESSES = 1_000
"""Addresses that are remembered; of more the one that was wrong the longest time ago is forgotten."""


class Brake:
    """How long an address has to wait before it may try again: not at all, then 1, 2, 4, ... seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, who: str) -> float:
        """Seconds, 0 for an address that may try now."""
        return max(0.0, self._wrong.get(who, (0, 0.0))[1] - self._clock())

    def wrong(self, who: str) -> None:
        number, until = self._wrong.pop(who, (0, 0.0))
        number = 1 if until + FORGOTTEN_AFTER < self._clock() else number + 1
        wait = min(MOST_SECONDS, 2.0 ** min(number - FREE, 10)) if number >= FREE else 0.0
        self._wrong[who] = (number, self._clock() + wait)
        while len(self._wrong) > ADDRESSES:
            self._wrong.popitem(last=False)

    def right(self, who: str) -> None:
        self._wrong.pop(who, None)


def address_of(scope: Scope) -> str:
    """Where a request comes from; of IPv6 the network, all of whose addresses one device may have."""
    host = str((scope.get("client") or ("",))[0])
    address = _ip(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


def is_from_elsewhere(scope: Scope) -> bool:
    """Whether a request comes from another computer, as far as the connection tells."""
    address = _ip(str((scope.get("client") or ("",))[0]))
    return address is not None and not address.is_loopback


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
