"""The page's address: what is searched, how, and which photo is open, so that Back, Forward, a reload and a link work.

The only owner of ``st.query_params``. One direction at a time: an address that the browser went to (a new tab, a
reload, Back or Forward) is read into the session before anything is drawn; whatever changes the session afterwards is
written to the address at the end of the run.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import cast, get_args
from urllib.parse import urlencode, urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from src.identity import is_id
from src.schema import Box, Mode
from src.ui import example, state
from src.ui.frame.component import script
from src.ui.insights import told as sets
from src.ui.map import told as map_told
from src.ui.page_ends import ENDS, IMAGE, LIBRARY, MAP, TEXT

LINK_CHARACTERS = 1_000
"""A query that is longer is left out: no link can carry it."""
OWN_SECONDS = 3.0
"""The browser takes a step back that it was asked for within these."""
BOXES = {TEXT: state.QUERY, IMAGE: state.IMAGE_QUERY, LIBRARY: state.LIBRARY_QUERY, MAP: map_told.AREA}
"""Ends of the paths of the pages that show photos -> where the session has their words, or the part of the map: ``q``
in the address.
"""
PLAIN: dict[str, str] = {"n": str(state.USUAL_RESULTS), "more": "0", "in": "images"}
"""What an address need not say."""


def start(page: str) -> None:
    """Before anything is drawn: take from the address what it says, if the browser has gone there.

    ``page``: end of its path.
    """
    known = _told()
    if known is None or _went():
        here = {part: value for part, value in st.query_params.to_dict().items() if part in _parts(page)}
        own = known is not None and _is_own_step(here)
        if not own:  # else the page goes on as it is: meanwhile another photo may have been opened
            _read(page, here if known else _written(page) | here)
        _tell(page, here, None, settled=own)
    elif known[0] != page:  # a tab was chosen: the session says what it shows, and Streamlit has emptied the address
        _tell(page, {}, None, settled=False)


def write() -> None:
    """After a run, or a part of one: have the browser show the address of what is shown now."""
    page, before = _told() or (TEXT, {})
    now = {part: value for part, value in _written(page).items() if value and value != PLAIN.get(part)}
    if now != before:
        how = _how(before, now) if settled() else "replace"
        if how == "push":
            st.query_params.from_dict(now)
        opened = "photo" in now and "photo" not in before
        step: dict[str, object] = {
            "id": uuid.uuid4().hex,
            "how": how,
            "page": page,
            "search": urlencode(now),
            "opened": opened,
        }
        _tell(page, now, step if opened or how != "push" else None, settled=True)
        if how == "back":
            st.session_state["own_step"] = (time.monotonic(), now)
    else:
        _tell(page, now, _step(), settled=True)


def go(view: Path) -> None:
    """Go to that script's page in one step of the history: an address emptied on the way would be another."""
    st.switch_page(view, query_params=(_told() or ("", {}))[1])


def draw(key: str) -> None:
    """What the browser is to do about its address: it does each step once, however often it is drawn."""
    if _step():
        script(__file__, "address")(key=key, data={**(_step() or {}), "root": on_server("/")}, width="content")


def settled() -> bool:
    """Whether the browser's address was looked at since the page was come to: not in the run that draws it first."""
    return bool(st.session_state.get("settled"))


def on_server(path: str) -> str:
    """``path`` of this server, such as ``/api/thumb/<id>``, as the browser asks for it: behind the pages' own path."""
    here = urlsplit(st.context.url or "").path.strip("/")
    end = next((end for end in ENDS if f"/{here}".endswith(f"/{end}")), "")
    base = here.removesuffix(end).strip("/")
    return f"/{base}{path}" if base else path


def _how(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Whether a change is a step of its own in the browser's history, part of the step before, or its undoing."""
    without = ({part: value for part, value in parts.items() if part != "photo"} for parts in (before, now))
    if "photo" in before and len({*map(urlencode, without)}) == 1:
        return "replace" if "photo" in now else "back"
    return "push"


def _went() -> bool:
    """Whether this run is for a step back or forward in the browser's history."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _is_own_step(here: Mapping[str, str]) -> bool:
    """Whether the step back is the one that the browser was asked for when a photo was closed, just now."""
    asked, parts = st.session_state.pop("own_step", (-OWN_SECONDS, {}))
    return bool(time.monotonic() - asked < OWN_SECONDS and parts == here)


def _parts(page: str) -> tuple[str, ...]:
    picture = ("like", "box", "by") if page == IMAGE else ()
    number = ("n", "more") if page in (TEXT, IMAGE) else ()
    some = ("of",) if page == LIBRARY else ()
    return ("q", *picture, *some, *number, "in", "photo") if page in BOXES else ("in",)


def _told() -> tuple[str, dict[str, str]] | None:
    """The page, and the parts of its address as the browser has them; None at a session's first run."""
    return cast("tuple[str, dict[str, str]] | None", st.session_state.get("told"))


def _step() -> Mapping[str, object] | None:
    """The last thing that the browser was to do about its address, on this page."""
    return cast("Mapping[str, object] | None", st.session_state.get("step"))


def _tell(page: str, parts: Mapping[str, str], step: Mapping[str, object] | None, settled: bool) -> None:
    """From now on the browser has this address."""
    st.session_state.update(told=(page, dict(parts)), step=step, settled=settled)


# ---------------------------------------------------------------- from the session to the address


def _written(page: str) -> dict[str, str]:
    parts: dict[str, str] = {"in": state.mode()}
    if page not in BOXES:
        return parts
    words = state.query(BOXES[page]).strip()
    parts |= {"q": words if len(words) <= LINK_CHARACTERS else ""}
    if page == LIBRARY:
        parts |= {"of": sets.of()}
    elif page in (TEXT, IMAGE):
        parts |= {"n": str(state.limit()), "more": str(state.more())}
    if page == IMAGE:
        parts |= {"like": example.similar_to() or "", "box": ",".join(map(str, example.similar_box() or ()))}
        parts |= {"by": example.space()}
    return parts | {"photo": state.photo() if state.dialog() == "photo" else ""}


# ---------------------------------------------------------------- from the address to the session


def _read(page: str, parts: Mapping[str, str]) -> None:
    """What is not there, or makes no sense, is as it is at first; what another page shows is left alone."""
    state.set_mode(cast(Mode, parts["in"]) if parts.get("in") in get_args(Mode) else "images")
    if page not in BOXES:
        state.show_only(None)
        return
    state.ask(parts.get("q", ""), BOXES[page])
    if page == IMAGE:
        like = parts.get("like") or None
        example.search_like(like, _box(parts.get("box", "")) if is_id(like) else None)
        example.set_space(parts.get("by", ""))
    if page == LIBRARY:
        sets.show_photos_of(parts.get("of", ""))
    elif page in (TEXT, IMAGE):
        state.set_limit(_number(parts.get("n", ""), state.MAX_RESULTS) or state.USUAL_RESULTS)
        state.set_more(_number(parts.get("more", ""), state.MOST_RESULTS))
    state.show_only(parts.get("photo") or None)


def _number(text: str, most: int) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return number if number <= most else 0


def _box(text: str) -> Box | None:
    """Four numbers with commas between that can be a box; whether it is in its photo shows when that is drawn."""
    found = re.fullmatch("([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6}),([0-9]{1,6})", text)
    left, top, right, bottom = map(int, found.groups()) if found else (0, 0, 0, 0)
    return (left, top, right, bottom) if left < right and top < bottom else None
