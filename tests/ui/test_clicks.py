"""A click that a component reports counts even where the run that it starts is cut short before the page is drawn."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from src.schema import SearchHit
from src.ui import state
from src.ui.photos import box_drawer, gallery

HITS = [SearchHit(name, f"/photos/{name}.jpg", f"{name}.jpg", 0.5) for name in ("one", "two")]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The session's state, with nothing in it."""
    values: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", values)
    return values


@pytest.fixture
def clicked(session: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, object], None]:
    """Report a value as the browser does: the component's trigger has it, and the last drawing's callback is run."""
    callbacks: dict[str, Callable[[], None]] = {}

    def component(key: str, **options: Any) -> None:
        callbacks[key] = next(option for name, option in options.items() if name.startswith("on_"))

    def report(key: str, trigger: str, value: object) -> None:
        session[key] = SimpleNamespace(**{trigger: value})
        callbacks[key]()

    for module in (gallery, box_drawer):
        monkeypatch.setattr(module, "_component", lambda: component)
    return report


def test_a_click_on_a_photo_opens_it_before_anything_is_drawn(clicked: Callable[[str, str, object], None]) -> None:
    gallery.show(HITS, "results")
    clicked("results", "open", "two")
    assert (state.dialog(), state.photo(), state.neighbour(-1)) == ("photo", "two", "one")


@pytest.mark.parametrize("nonsense", ["three", None, 7, ["two"]])
def test_what_is_no_photo_of_the_gallery_opens_nothing(
    clicked: Callable[[str, str, object], None], nonsense: object
) -> None:
    gallery.show(HITS, "results")
    clicked("results", "open", nonsense)
    assert state.dialog() is None


def test_a_confirmed_box_waits_for_the_next_drawing_and_counts_once(
    clicked: Callable[[str, str, object], None],
) -> None:
    def drawn() -> object:
        return box_drawer.show("draw", "/api/image/1", 64, 48)

    assert drawn() is None
    clicked("draw", "box", [1, 2, 30, 40])
    assert drawn() == (1, 2, 30, 40)
    assert drawn() is None
