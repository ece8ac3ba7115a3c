"""Which models a server has, and which of them take pictures, as far as it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from src.errors import EndpointRefused
from src.models.captioners import refusals
from src.models.captioners.asking import Broken, Line
from src.models.captioners.endpoint import Endpoint
from src.models.captioners.waiting import Halted, Patience, never

QUICK = Patience(connect_s=5, answer_s=15)
"""A list is there at once, or not at all."""
_MOST, _LONGEST = 1_000, 200
"""Models, and characters of an id."""
_HINTS = (
    "vl",
    "vision",
    "llava",
    "gemma3",
    "gemma-3",
    "gemma4",
    "gemma-4",
    "pixtral",
    "minicpm-v",
    "moondream",
    "gpt-4o",
)
"""Parts of the names of models that are known to take pictures. They say which are listed first, and nothing else."""


@dataclass(frozen=True)
class OfferedModel:
    """A model that a server has. takes_pictures: as the server says, None where it does not."""

    id: str
    takes_pictures: bool | None = None

    @property
    def rank(self) -> int:
        """0 for the most promising: one that takes pictures, may by its name, may, or does not."""
        hinted = any(hint in self.id.lower() for hint in _HINTS)
        return {True: 0, None: 1 if hinted else 2, False: 3}[self.takes_pictures]


def models_of(endpoint: Endpoint, halted: Halted = never, patience: Patience = QUICK) -> tuple[OfferedModel, ...]:
    """The models at an address, those that take pictures first; otherwise in the server's order.

    Raises EndpointRefused with the reason.
    """
    line = Line(endpoint, patience)
    try:
        reply = line.ask("GET", f"{endpoint.base_url}/models", halted=halted)
    except Broken as broken:
        raise EndpointRefused(
            f"{endpoint.host} {broken}.", "Is the server running, and is its address right?"
        ) from broken
    if reply.status in (401, 403):
        raise refusals.key_refused(endpoint)
    listed = reply.value.get("data") if isinstance(reply.value, dict) else None
    if reply.status != 200 or not isinstance(listed, list):
        raise EndpointRefused(
            f"{endpoint.host} gave no list of models (it answered {reply.status}).",
            "Most addresses end in /v1: is this the whole one?",
        )
    entries = [entry for entry in listed[:_MOST] if isinstance(entry, dict) and _is_id(entry.get("id"))]
    seeing = _of_llama_cpp(line, endpoint, halted) if _is_llama_cpp(entries) else None
    models = {entry["id"]: OfferedModel(entry["id"], _takes_pictures(entry, seeing)) for entry in entries}
    return tuple(sorted(models.values(), key=lambda model: model.rank))


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()


def _takes_pictures(entry: dict[str, Any], otherwise: bool | None) -> bool | None:
    """What an entry says under one of the names that servers use for it."""
    for part in (entry, entry.get("architecture")):
        for name in ("input_modalities", "modalities"):
            told = part.get(name) if isinstance(part, dict) else None
            told = told.get("input") if isinstance(told, dict) else told
            if isinstance(told, list) and told:
                return any(isinstance(one, str) and one.lower() in ("image", "vision") for one in told)
    return otherwise


def _is_llama_cpp(entries: list[dict[str, Any]]) -> bool:
    return any(entry.get("owned_by") == "llamacpp" for entry in entries)


def _of_llama_cpp(line: Line, endpoint: Endpoint, halted: Halted) -> bool | None:
    """Whether the model that llama.cpp serves takes pictures, which it tells at another place than its list."""
    try:
        told = line.ask("GET", f"{endpoint.base_url.removesuffix('/v1')}/props", halted=halted).value
    except Broken:
        return None
    modalities = told.get("modalities") if isinstance(told, dict) else None
    sees = modalities.get("vision") if isinstance(modalities, dict) else None
    return sees if isinstance(sees, bool) else None
