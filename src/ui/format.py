"""Numbers, sizes and times as people read them."""

from __future__ import annotations

import re

from src.text import shown

_UNITS = ("kB", "MB", "GB", "TB")
_REPLACED = re.compile(r"(?<!\S)[-<>~](?=[-=>])|:(?=material|streamlit:)")


def size(number: int) -> str:
    """Bytes in the decimal units that file managers show."""
    if number < 1000:
        return f"{number} B"
    value = float(number)
    for unit in _UNITS:
        value /= 1000
        if value < 999.5 or unit == _UNITS[-1]:
            break
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"


def duration(seconds: float) -> str:
    """Seconds, rounded to what one wants to know."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def moment(iso: str | None) -> str:
    """``2024-05-01T10:20:30...`` -> "1 May 2024, 10:20"; what can't be read as a time comes back as it is."""
    from datetime import datetime

    if not iso:
        return ""
    try:
        found = datetime.fromisoformat(iso)
        local = found.astimezone() if found.tzinfo else found
    except (ValueError, OverflowError):  # OverflowError: a year that the clock of this place does not have
        return iso
    return f"{local.day} {local:%B %Y, %H:%M}"


def literal(text: str) -> str:
    """``text`` for a place that reads Markdown, so that it is shown letter by letter: names and paths are data."""
    escaped = (
        f"\\{letter}" if letter.isascii() and not letter.isalnum() and letter != " " else letter
        for letter in _apart(shown(text))
    )
    return "".join(escaped)


def _apart(text: str) -> str:
    """Streamlit replaces arrows, icons and its name where no escape helps; an invisible joiner does."""
    return _REPLACED.sub(lambda found: f"{found[0]}\N{WORD JOINER}", text)
