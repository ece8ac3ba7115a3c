"""A picture that was dropped or pasted, or the path of one, as the page is told of it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from src.runtime import Services
from src.ui import example, state
from src.ui.search.picture_drop import search_by
from tests.ui.conftest import heic, png


@pytest.fixture
def session(services: Services, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The session's state, with nothing in it."""
    values: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", values)
    return values


def sent(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("data", [png("red"), heic("red")])
def test_bytes_are_searched_by_with_the_words_of_the_page(services: Services, session: Any, data: bytes) -> None:
    search_by(services, {"name": "mine", "data": sent(data)}, "in the snow")
    found = example.picture()
    assert found is not None and found[0] == "mine" and found[1].startswith(b"\x89PNG")
    assert state.query(state.IMAGE_QUERY) == "in the snow" and state.take_page() == "image_search"


def test_without_words_those_beside_the_picture_stay(services: Services, session: Any) -> None:
    state.ask("-people", state.IMAGE_QUERY)
    search_by(services, {"name": "", "data": sent(png("red"))})
    assert state.query(state.IMAGE_QUERY) == "-people" and (example.picture() or ("",))[0] == "the pasted picture"


@pytest.mark.parametrize("written", ["{}", '"{}"', "file://{}", " {} "])
def test_a_path_is_searched_by(services: Services, session: Any, tmp_path: Path, written: str) -> None:
    (tmp_path / "red.png").write_bytes(png("red"))
    search_by(services, {"path": written.format(tmp_path / "red.png")})
    assert (example.picture() or ("",))[0] == "red.png" and state.take_page() == "image_search"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"data": None},
        {"data": "no base64!"},
        {"data": sent(b"no picture")},
        {"data": sent(b"")},
        {"path": "/no/such/picture.jpg"},
        {"path": "/"},
        {"path": "a\0b.jpg"},
        {"path": 7},
    ],
)
def test_what_is_no_picture_is_told_and_changes_nothing(services: Services, session: Any, told: dict[str, Any]) -> None:
    search_by(services, told, "words")
    message = state.take_message()
    assert message and message.endswith(".") and "Errno" not in message
    assert example.picture() is None and state.take_page() is None and not state.query(state.IMAGE_QUERY)
