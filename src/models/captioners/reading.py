"""What a model wrote, made a description: whatever a server promises, only what fits is taken, and never too much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from src.schema.descriptions import DescribedObject, Description
from src.text import shown

SUMMARY, LABEL, COLOR, POSITION = 600, 60, 30, 60
"""Characters at most."""
OBJECTS = 24
"""Things in a photo at most."""
_LOOKED_AT = 1 << 16
"""Characters of a text in which a description is looked for."""
_TRIES = 40
"""Opening braces at which one may begin."""
_END_OF_THOUGHTS = "</think>"
_MOST_TOKENS = 10**9


@dataclass(frozen=True)
class Said:
    """A model's answer. content: its text without thoughts."""

    content: str
    thought: bool = False
    """Whether it thought before it spoke."""
    cut_short: bool = False
    """Whether its tokens were used up."""
    declined: bool = False
    """Whether it says that it will not."""
    sent: int = 0
    received: int = 0


def said(value: Any) -> Said | None:
    """Of the JSON of an answer; None where it is none of a chat."""
    choices = value.get("choices") if isinstance(value, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return None
    text = _content(message.get("content"))
    _, mark, rest = text.rpartition(_END_OF_THOUGHTS)
    unfinished = not mark and text.lstrip().startswith("<think>")
    aside = any(isinstance(message.get(name), str) and message[name] for name in ("reasoning", "reasoning_content"))
    return Said(
        content="" if unfinished else rest.strip(),
        thought=aside or bool(mark) or unfinished,
        cut_short=choice.get("finish_reason") == "length",
        declined=bool(message.get("refusal")) or choice.get("finish_reason") == "content_filter",
        sent=_tokens(value, "prompt_tokens"),
        received=_tokens(value, "completion_tokens"),
    )


def description_in(text: str) -> Description | None:
    """The first description that stands in a text, None for none."""
    return next((found for value in _objects_in(text[:_LOOKED_AT]) if (found := _description(value))), None)


def cleaned(text: object, most: int) -> str:
    """One line of at most so many characters, without any that would drive a terminal; empty for what is no text."""
    if not isinstance(text, str):
        return ""
    line = shown(" ".join(text[: 8 * most].split())).replace("\N{REPLACEMENT CHARACTER}", " ")
    return " ".join(line.split())[:most].rstrip()


def _content(content: Any) -> str:
    """A message's text; some servers send it in parts."""
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _tokens(value: Any, name: str) -> int:
    usage = value.get("usage")
    number = usage.get(name) if isinstance(usage, dict) else 0
    return number if type(number) is int and 0 <= number <= _MOST_TOKENS else 0


def _objects_in(text: str) -> Iterator[dict[str, Any]]:
    """Each JSON object that begins at one of the first opening braces."""
    decoder, at = json.JSONDecoder(), text.find("{")
    for _ in range(_TRIES):
        if at < 0:
            return
        value = None
        with suppress(ValueError, RecursionError):
            value = decoder.raw_decode(text, at)[0]
        if value is not None:
            yield value
        at = text.find("{", at + 1)


def _description(value: dict[str, Any]) -> Description | None:
    summary = cleaned(value.get("scene_summary"), SUMMARY)
    things = value.get("objects")
    found = map(_object, things[: 4 * OBJECTS]) if isinstance(things, list) else ()
    objects = dict.fromkeys(thing for thing in found if thing.label)
    return Description(summary, tuple(objects)[:OBJECTS]) if summary else None


def _object(value: object) -> DescribedObject:
    """One thing; its label is empty where it is none."""
    if not isinstance(value, dict):
        return DescribedObject(cleaned(value, LABEL))
    color = cleaned(value.get("color"), COLOR) or cleaned(value.get("colour"), COLOR)
    return DescribedObject(cleaned(value.get("label"), LABEL), color, cleaned(value.get("position"), POSITION))
