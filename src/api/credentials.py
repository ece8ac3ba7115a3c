"""What a request shows to be let in: a token, or the cookie of a browser that is signed in; and taking that away."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

COOKIE = "mfe_session"


@dataclass(frozen=True)
class Credentials:
    """token: "" where one is to be there and there is none, None where none was shown. session: "" for none."""

    token: str | None = field(repr=False)
    session: str = field(repr=False)


def credentials_of(headers: Headers) -> Credentials:
    """A proxy in front may ask for a password of its own, so that what is no bearer's is not meant for the app."""
    given = [value.partition(" ") for value in headers.getlist("authorization")]
    tokens = [rest.strip() for scheme, _, rest in given if scheme.lower() == "bearer"]
    token = (tokens[0] if len(given) == 1 else "") if tokens else None
    return Credentials(token, cookie_parser("; ".join(headers.getlist("cookie"))).get(COOKIE, ""))


def without_credentials(scope: Scope) -> Scope:
    """The request as those behind the doors get it, who can't tell what they do not know: no log, no error."""
    kept = ((name, _without_session(value) if name == b"cookie" else value) for name, value in scope["headers"])
    return {**scope, "headers": [header for header in kept if not _is_ours(*header)]}


def _without_session(cookies: bytes) -> bytes:
    parts = (part for part in cookies.split(b";") if part.partition(b"=")[0].strip() != COOKIE.encode())
    return b";".join(parts).strip()


def _is_ours(name: bytes, value: bytes) -> bool:
    return (name == b"authorization" and value[:6].lower() == b"bearer") or (name == b"cookie" and not value)


def is_of(path: str, base: str, first: Collection[str]) -> bool:
    """Whether an address's first part, with or without the path that the pages are behind, is one of these."""
    return any(path.startswith(start) and path[len(start) :].split("/")[0] in first for start in {"/", f"{base}/"})
