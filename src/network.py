"""The door to the network: an HTTP client by this system's settings, or one sentence where these can't be used."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from src.config import variables_set
from src.errors import BadSetting

if TYPE_CHECKING:
    import httpx

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def client(**options: Any) -> httpx.Client:
    """``httpx.Client(**options)``.

    Raises BadSetting, naming the variables, where a proxy or certificate setting is of no use.
    """
    import httpx

    try:
        return httpx.Client(**options)
    except OSError as error:
        raise BadSetting(
            f"{_named(CERTIFICATES)} can't be used ({error.strerror or error}).", "Correct or unset it."
        ) from error
    except (ValueError, TypeError, ImportError, httpx.InvalidURL) as error:
        raise BadSetting(
            f"{_named(PROXIES)} can't be used: a proxy's address must look like http://host:port, "
            "with NO_PROXY a list of host names.",
            "Correct or unset it.",
        ) from error


def proxy_for(url: str) -> str | None:
    """The variable that names the proxy which such an address is asked through, None where it is asked directly."""
    parts = urlsplit(url)
    named = variables_set((f"{parts.scheme.upper()}_PROXY", "ALL_PROXY"))
    return named[0] if named and not proxy_bypass(parts.hostname or "") else None


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own, which no other machine sees anything of."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _named(names: tuple[str, ...]) -> str:
    """Those of the variables that are set, by name alone: a proxy's address may hold a password."""
    return " or ".join(variables_set(names)) or "The network settings of this system"
