"""Which websites' requests the app answers: its own pages', and nobody else's in the same browser but a setting names
them. For pages, websocket and routes alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from starlette.datastructures import Headers
from starlette.types import Scope

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::\d{1,5})?")
_SCHEMES = {"ws": "http", "wss": "https"}

WRONG_HOST = "This address is not one of the app's; MFE_HOSTS adds names."
OTHER_SITE = "Another website may not use this app."


def refusal(scope: Scope, hosts: Collection[str], guests: Collection[str] = ()) -> str | None:
    """Why a request is refused, None where it may pass. ``hosts``: in lower case, IPv6 without brackets.

    Host must be one of ``hosts``, which stops pages under another name that resolves to this computer. Origin, where
    sent, must be the same origin as Host, or one of ``guests``; every browser sends it with a websocket, which is
    refused without it. And no other site may be behind the request, but for a link that is followed to a page.
    """
    headers = Headers(scope=scope)
    host = _only(headers.getlist("host"))
    found = _HOST.fullmatch(host)
    if not found or (found["ipv6"] or found["name"]) not in hosts:
        return WRONG_HOST
    origins = headers.getlist("origin")
    if guest_of(scope, guests):
        return None
    if (origins or scope["type"] == "websocket") and not is_own(scope):
        return OTHER_SITE
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _is_link(scope, headers):
        return OTHER_SITE
    return None


def guest_of(scope: Scope, guests: Collection[str]) -> str:
    """The origin among ``guests`` that a request comes from; "" where it is of none."""
    origin = _only(Headers(scope=scope).getlist("origin"))
    return origin if scope["type"] == "http" and origin in guests and not is_own(scope) else ""


def is_own(scope: Scope) -> bool:
    """Whether the browser says that a request comes from one of the app's own pages."""
    headers = Headers(scope=scope)
    host, origin = _only(headers.getlist("host")), _only(headers.getlist("origin"))
    return bool(host) and origin == f"{_scheme(scope)}://{host}"


def _is_link(scope: Scope, headers: Headers) -> bool:
    """Whether a person follows a link to one of the pages, which shows it to nobody but them."""
    what = (scope.get("method"), headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return what == ("GET", "navigate", "document")


def _only(values: Iterable[str]) -> str:
    """The header's one value in lower case, "" where it is missing or sent twice."""
    given = list(values)
    return given[0].lower() if len(given) == 1 else ""


def _scheme(scope: Scope) -> str:
    scheme = str(scope["scheme"])
    return _SCHEMES.get(scheme, scheme)
