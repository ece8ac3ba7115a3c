"""A click that a component reports counts even where the run that it starts is cut short before the page is drawn."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from src.schema import SearchHit
from src.ui import state
from src.ui.photos import box_drawer, hits, timeline

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
    callbacks: dict[str, dict[str, Callable[[], None]]] = {}

    def component(key: str, **options: Any) -> None:
        callbacks[key] = {name: option for name, option in options.items() if name.startswith("on_")}

    def report(key: str, trigger: str, value: object) -> None:
        session[key] = SimpleNamespace(**{trigger: value})
        callbacks[key][f"on_{trigger}_change"]()

    monkeypatch.setattr(timeline, "_component", lambda: component)
    monkeypatch.setattr(box_drawer, "beside", lambda *_: component)
    return report


def library(same: dict[str, str] | None = None) -> Any:
    """What the gallery asks of a library; same: photo -> the earlier one that it is a copy of."""
    return SimpleNamespace(
        duplicates=SimpleNamespace(same_as_earlier=lambda ids: same or {}),
        catalog=SimpleNamespace(browsing=SimpleNamespace(of=lambda ids: [])),
        curation=SimpleNamespace(tags=list, albums=list),
    )


def test_a_click_on_a_photo_opens_it_before_anything_is_drawn(clicked: Callable[[str, str, object], None]) -> None:
    hits.show(library(), HITS, "results")
    clicked("results", "open", {"id": "two"})
    assert (state.dialog(), state.photo(), state.neighbour(-1)) == ("photo", "two", "one")


@pytest.mark.parametrize("nonsense", ["three", None, 7, ["two"], {"id": "three"}, {"id": None}, {"id": ["two"]}, {}])
def test_what_is_no_photo_of_the_gallery_opens_nothing(
    clicked: Callable[[str, str, object], None], nonsense: object
) -> None:
    hits.show(library(), HITS, "results")
    clicked("results", "open", nonsense)
    assert state.dialog() is None


def test_folded_copies_are_no_neighbours_and_unfolded_ones_are(clicked: Callable[[str, str, object], None]) -> None:
    some = [SearchHit(name, f"/photos/{name}.jpg", f"{name}.jpg", 0.5) for name in ("a", "b", "a2", "c", "b2")]
    hits.show(library({"a2": "a", "b2": "b"}), some, "results", copies=True)
    for unfolded, order in [([], "a b c"), (["b", 7], "a b b2 c"), (["b", "a"], "a a2 b b2 c"), (None, "a b a2 c b2")]:
        clicked("results", "open", {"id": "b", "unfolded": unfolded})
        assert st.session_state["neighbours"] == order.split()


def test_a_photo_that_is_a_copy_is_opened_by_its_address_among_the_copies(
    clicked: Callable[[str, str, object], None], session: dict[str, Any]
) -> None:
    state.open_photo("two", [])
    hits.show(library({"two": "one"}), HITS, "results", copies=True)
    assert session["neighbours"] == ["one", "two"]


def test_more_results_are_asked_for_and_a_folder_is_shown_in_the_library(
    clicked: Callable[[str, str, object], None],
) -> None:
    hits.show(library(), HITS, "results", more=80)
    clicked("results", "more", {"number": 1})
    assert state.more() == 80
    clicked("results", "narrow", {"key": "in", "value": "/my photos"})
    assert state.query(state.LIBRARY_QUERY) == 'in:"/my photos"' and state.take_page() == "library"


def test_a_confirmed_box_waits_for_the_next_drawing_and_counts_once(
    clicked: Callable[[str, str, object], None],
) -> None:
    def drawn() -> object:
        return box_drawer.show("draw", "/api/image/1", 64, 48)

    assert drawn() is None
    clicked("draw", "box", [1, 2, 30, 40])
    assert drawn() == (1, 2, 30, 40)
    assert drawn() is None
