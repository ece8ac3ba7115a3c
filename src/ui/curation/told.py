"""What a browser session knows of what was done with photos: the last sentence on it, and what a dialog asks for.

The only place that names keys of ``st.session_state`` for that.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import streamlit as st

from src.services.curation.suggestions import Suggestion
from src.ui import state

Turn = Literal["undo", "redo", ""]


@dataclass(frozen=True)
class Told:
    """A sentence, and what its button does: take back what was done, do again what was taken back, or nothing."""

    id: str
    text: str
    turn: Turn = ""


@dataclass(frozen=True)
class Asked:
    """What a dialog is to ask for: the action, the photos that it is about, and the tags, or the album's id."""

    action: str
    ids: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


def tell(text: str, turn: Turn = "") -> None:
    """Have the next run say that."""
    st.session_state["curation_told"] = Told(uuid.uuid4().hex, text, turn)


def last() -> Told | None:
    """What was said last in this session; a page shows each sentence once."""
    return cast("Told | None", st.session_state.get("curation_told"))


def describe(image_id: str | None) -> None:
    """Have the photo's description there to be changed; None: no photo's."""
    st.session_state["describing"] = image_id


def describing() -> str | None:
    return cast("str | None", st.session_state.get("describing"))


def ask(action: str, ids: Sequence[str] = (), about: Sequence[str] = ()) -> None:
    """Open the dialog that asks for an action's value."""
    st.session_state["curation_asked"] = Asked(action, tuple(ids), tuple(about))
    state.open_dialog("ask")


def asked() -> Asked | None:
    return cast("Asked | None", st.session_state.get("curation_asked"))


def want_collection() -> None:
    """Have the text search show the tag or the album that was chosen."""
    st.session_state["collection_wanted"] = True


def take_collection() -> bool:
    """Whether that is to be shown now."""
    return bool(st.session_state.pop("collection_wanted", False))


def history_shown(at_first: int) -> int:
    """How many operations of the history are shown."""
    return cast(int, st.session_state.get("history_shown", at_first))


def show_more_history(number: int) -> None:
    st.session_state["history_shown"] = number


# ---------------------------------------------------------------- suggestions


@dataclass(frozen=True)
class Suggested:
    """What was suggested for a tag, when so many photos had been answered for it.

    offered: ids of all photos that were suggested before too: one may be answered when it is suggested no more.
    """

    tag: str
    answered: int
    found: tuple[Suggestion, ...]
    offered: frozenset[str] = frozenset()


def suggested(tag: str) -> Suggested | None:
    """What was suggested for it last; None where another tag was asked for since."""
    known = cast("Suggested | None", st.session_state.get("suggested_found"))
    return known if known is not None and known.tag == tag else None


def keep_suggested(found: Suggested) -> None:
    st.session_state["suggested_found"] = found


def arrange(album: str) -> None:
    """Have this album put in order; empty for none."""
    st.session_state["arranged_album"] = album


def arranged() -> str:
    """Id of the album that is being put in order, empty for none."""
    return cast(str, st.session_state.get("arranged_album", ""))


# ---------------------------------------------------------------- what is told of while the page is busy


def heard(name: str) -> int:
    """Number of the last thing that a component told of and that was heard."""
    return cast(int, st.session_state.get(f"{name}_heard", 0))


def hear(number: object, name: str) -> bool:
    """Whether what a component tells of is new; from now on it is not."""
    new = isinstance(number, int) and number > heard(name)
    if new:
        st.session_state[f"{name}_heard"] = number
    return new
