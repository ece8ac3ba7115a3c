"""Where pictures are described: an address, a model there, a key; and what people are told before one goes there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from src import network
from src.config import GROQ, OWN_KEY
from src.errors import BadInput, EndpointRefused
from src.secret import Secret
from src.text import shown

_CHAT = "/chat/completions"
_SENT_ON = ("-cloud", ":cloud")
"""How the names of models end that Ollama passes on to its makers' servers."""


@dataclass(frozen=True)
class Preset:
    """A server that many people have: its name, and the address at which it usually is."""

    name: str
    base_url: str


PRESETS = (
    Preset("Ollama", "http://127.0.0.1:11434/v1"),
    Preset("llama.cpp", "http://127.0.0.1:8080/v1"),
    Preset("LM Studio", "http://127.0.0.1:1234/v1"),
    Preset("vLLM", "http://127.0.0.1:8000/v1"),
    Preset("OpenAI", "https://api.openai.com/v1"),
    Preset("Groq", f"https://{GROQ}/openai/v1"),
)


@dataclass(frozen=True)
class Endpoint:
    """A model at an address. ``base_url`` is brought to one form; without a path it gets ``/v1``.

    Raises BadInput where it is no address, EndpointRefused where the key would go over an unencrypted connection.
    """

    base_url: str
    model: str = ""
    """Id by which the server knows it; empty while only its models are asked for."""
    key: Secret | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", tidy_address(self.base_url))
        if not self.key:
            return
        if not self.key.reveal().isascii() or not self.key.reveal().isprintable() or " " in self.key.reveal():
            raise EndpointRefused(f"The key for {self.host} holds characters that no key has.", "Copy it once more.")
        if urlsplit(self.base_url).scheme != "https" and not self.is_local:
            raise EndpointRefused(
                f"The key is not sent to {self.host} over an unencrypted connection.",
                "Use an address that begins with https, or take the key away.",
            )

    @property
    def host(self) -> str:
        """The server's name, for people."""
        return shown(urlsplit(self.base_url).netloc)

    @property
    def is_local(self) -> bool:
        """Whether the server is this machine."""
        return is_local(self.base_url)

    @property
    def stays_here(self) -> bool:
        """Whether pictures stay on this machine, as far as is known: a model's name may say that it is elsewhere."""
        return self.is_local and not self.model.strip().lower().endswith(_SENT_ON)

    @property
    def is_groq(self) -> bool:
        return urlsplit(self.base_url).hostname == GROQ

    def with_model(self, model: str) -> Endpoint:
        """The same address and key, another model."""
        return replace(self, model=model)


def tidy_address(text: str) -> str:
    """An address as it is used: no slash at its end, nor the path of one request; ``/v1`` where it has no path.

    Raises BadInput where it is none, or holds what is to be kept secret.
    """
    address = text.strip().rstrip("/").removesuffix(_CHAT)
    parts = _parts(address)
    if parts is None:
        raise BadInput(f"{shown(text)!r} is no address of a server.", "It must look like http://127.0.0.1:11434/v1.")
    if parts.username is not None or parts.query or parts.fragment:
        raise BadInput(
            "A server's address may hold no name, password or key.",
            f"Put the key into {OWN_KEY}, and leave it out here.",
        )
    return address if parts.path else f"{address}/v1"


def _parts(address: str) -> SplitResult | None:
    """The parts of an address that can be asked; None for any other."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable and address.isprintable() and " " not in address else None


def is_local(base_url: str) -> bool:
    """Whether what is sent to an address stays on this machine: loopback alone."""
    return network.is_loopback(base_url)


def where_pictures_go(base_url: str, model: str = "") -> str:
    """The sentence that people are told before a picture is sent. Raises BadInput."""
    endpoint = Endpoint(base_url, model)
    if endpoint.stays_here:
        return f"The pictures stay on this machine, with the program at {endpoint.host}."
    if not endpoint.is_local:
        return f"The pictures leave this machine, to {endpoint.host}."
    return (
        f"The pictures leave this machine: by its name, {shown(model.strip())} runs on servers of the makers of "
        f"the program at {endpoint.host}, which passes them on."
    )
