"""The servers that describe pictures, each asked with the one key that may go there."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from src.config import KEYS_OF_HOSTS, OWN_KEY
from src.models.captioners.endpoint import Endpoint, tidy_address
from src.models.captioners.http_captioner import HttpCaptioner
from src.models.captioners.offered import OfferedModel, models_of
from src.secret import Secret


class Servers:
    """Knows the keys, in memory alone, and makes what asks a server."""

    def __init__(self, keys: Mapping[str, object], configured: str | None = None) -> None:
        """keys: by the names of their variables. configured: the address in ``MFE_VISION_URL``, if any."""
        self._keys = _secrets(keys)
        self._configured = configured

    def offer(self, keys: Mapping[str, object]) -> None:
        """Further keys, by the same names; those that are known already stay."""
        self._keys = _secrets(keys) | self._keys

    def endpoint(self, base_url: str, model: str = "") -> Endpoint:
        """A model at an address, with the key for it. Raises BadInput, EndpointRefused."""
        return Endpoint(base_url, model, key_for(base_url, self._keys, self._configured))

    def models(self, base_url: str) -> tuple[OfferedModel, ...]:
        """The models at an address, those that take pictures first. Raises BadInput, EndpointRefused."""
        return models_of(self.endpoint(base_url))

    def captioner(self, base_url: str, model: str) -> HttpCaptioner:
        """What describes pictures by a model there. Raises BadInput, EndpointRefused."""
        return HttpCaptioner(self.endpoint(base_url, model))


def key_for(base_url: str, offered: Mapping[str, object], configured: str | None = None) -> Secret | None:
    """The key that may be sent to an address, of those offered by the names of their variables; None for none.

    configured: the address in ``MFE_VISION_URL``, if any; ``MFE_VISION_API_KEY`` then goes to its host alone.
    Raises BadInput.
    """
    host = urlsplit(tidy_address(base_url)).netloc.lower()
    names = [OWN_KEY] if configured is None or urlsplit(tidy_address(configured)).netloc.lower() == host else []
    hosts_own = KEYS_OF_HOSTS.get(urlsplit(tidy_address(base_url)).hostname or "")
    if hosts_own:
        names.insert(len(names) if configured else 0, hosts_own)
    keys = _secrets(offered)
    return next((keys[name] for name in names if name in keys), None)


def _secrets(offered: Mapping[str, object]) -> dict[str, Secret]:
    """The texts among what is offered, none of them empty."""
    keys = {name: Secret(value) if isinstance(value, str) else value for name, value in offered.items()}
    return {name: key for name, key in keys.items() if isinstance(key, Secret) and key}
