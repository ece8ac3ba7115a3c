"""What is said where a server gives no description: one sentence, and what to do. No key is in any of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from src.config import OWN_KEY
from src.errors import EndpointRefused, ModelError, NotDescribed
from src.models.captioners.asking import Broken, Reply
from src.models.captioners.endpoint import Endpoint
from src.models.captioners.reading import cleaned
from src.text import shown

_QUOTED = 200
_NAMED = 12
"""Models that are named in a sentence."""


def told(reply: Reply, name: str) -> str:
    """What an error says under a name, such as ``code``; empty where it says nothing."""
    value = error.get(name) if isinstance(error := _error(reply), dict) else error if name == "message" else None
    return cleaned(value, _QUOTED)


def key_refused(endpoint: Endpoint) -> EndpointRefused:
    """Where a server does not let one in. What it answered is not shown: many quote the key."""
    if endpoint.key:
        return EndpointRefused(f"{endpoint.host} does not accept the key.", "Is it the right one, and still valid?")
    return EndpointRefused(f"{endpoint.host} wants a key.", f"Give it one in {OWN_KEY}.")


def no_model(endpoint: Endpoint, offered: Sequence[str]) -> EndpointRefused:
    """Where a server does not have the model (any more). offered: those that it has."""
    names = ", ".join(offered[:_NAMED]) + (f" and {len(offered) - _NAMED} more" if len(offered) > _NAMED else "")
    return EndpointRefused(
        f"{endpoint.host} has no model {shown(endpoint.model)!r}, or has it no more.",
        f"It has: {names}." if names else "It names no model that it has.",
    )


def refused(endpoint: Endpoint, reply: Reply) -> EndpointRefused:
    """Where a server answers anything else by a status that asking again won't change."""
    if reply.status == 401:
        return key_refused(endpoint)
    if reply.status == 402:
        return EndpointRefused(f"{endpoint.host} wants to be paid first.", "Look at the account there.")
    if reply.status == 403:
        return EndpointRefused(f"{endpoint.host} does not allow the use of {shown(endpoint.model)}.")
    if 300 <= reply.status < 400:
        return EndpointRefused(
            f"{endpoint.host} sends on to another address, where no picture is sent.", "Is the address right?"
        )
    return EndpointRefused(
        f"{endpoint.host} describes no pictures at this address: it answered {reply.status}{quoted(endpoint, reply)}.",
        "Most addresses end in /v1: is this the whole one?",
    )


def not_taken(endpoint: Endpoint, reply: Reply) -> NotDescribed:
    """Where a server refuses the picture, however it is asked."""
    return NotDescribed(
        f"{shown(endpoint.model)} at {endpoint.host} did not take the picture"
        f" (it answered {reply.status}{quoted(endpoint, reply)}).",
        "Does this model take pictures?",
    )


def paused(endpoint: Endpoint, seconds: float) -> EndpointRefused:
    """Where a server asks for a longer pause than anybody wants to wait for."""
    minutes = round(seconds / 60)
    span = f"{minutes:,} minutes" if minutes < 120 else f"{round(seconds / 3600):,} hours"
    return EndpointRefused(f"{endpoint.host} takes no more pictures for {span}.", "Start again after that.")


def gave_up(endpoint: Endpoint, broken: Broken) -> ModelError:
    """Where a server was asked as often as it is, and gave nothing of use."""
    if not broken.reached:
        return EndpointRefused(f"{endpoint.host} {broken}.", "Is the server running, and is its address right?")
    if broken.busy:
        return EndpointRefused(f"{endpoint.host} {broken}, however often it is asked.", "Start again later.")
    return NotDescribed(f"{endpoint.host} {broken}, however often it is asked.")


def quoted(endpoint: Endpoint, reply: Reply) -> str:
    """What a server says of its refusal, as part of a sentence; nothing where it holds some of the key."""
    said = told(reply, "message").rstrip(".")
    return "" if not said or (endpoint.key and endpoint.key.is_told_by(said)) else f": {said}"


def _error(reply: Reply) -> Any:
    value = reply.value
    return (value.get("error") or value.get("message") or value.get("detail")) if isinstance(value, dict) else None
