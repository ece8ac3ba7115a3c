"""What a job is asked for, as its row in the catalogue keeps it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any, Self


def texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in items(value) if isinstance(item, str))


def items(value: Any) -> tuple[Any, ...]:
    if isinstance(value, list | tuple):
        return tuple(value)
    raise ValueError


def text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError


def amount(value: Any) -> float:
    if type(value) in (int, float) and math.isfinite(value) and value >= 0:
        return float(value)
    raise ValueError


def whole(value: Any) -> int:
    if type(value) is int and value >= 0:
        return value
    raise ValueError


def mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError


def said(read: Callable[[Any], Any], default: Any = None) -> Any:
    """A parameter that a job's row may name.

    ``read`` makes it of a JSON value, and raises ValueError for an odd one.
    """
    return field(default=default, metadata={"read": read})


@dataclass(frozen=True)
class Params:
    """What a job was asked for. Its row keeps it as a JSON object; what is odd in there is as if it were not said."""

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Self:
        """From a row."""
        found = {}
        for one in fields(cls):
            with suppress(ValueError):
                if said.get(one.name) is not None:
                    found[one.name] = one.metadata["read"](said[one.name])
        return cls(**found)

    def as_json(self) -> dict[str, Any]:
        """For a row: what differs from what is meant where nothing is said."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
