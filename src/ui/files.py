"""Files that were chosen in the browser and not added yet, as this session has them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import cast

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from src.ui import address


def part_of_key() -> str:
    """Part of the uploaders' keys: a new one empties them and frees their memory.

    Another one in each session: what a browser still lists of a session before, the server does not have.
    """
    number = st.session_state.setdefault("upload_round", 0)
    return f"{session()}-{number}"


def next_round() -> None:
    st.session_state["upload_round"] = cast(int, st.session_state.get("upload_round", 0)) + 1


def session() -> str:
    """A name of this session that no other has."""
    return cast(str, st.session_state.setdefault("session", uuid.uuid4().hex))


def chosen(now: Sequence[UploadedFile]) -> list[UploadedFile]:
    """Files chosen and not added yet: those of visits to the page before, then those in the drop area now.

    now: what the drop area holds, which Streamlit empties when its page is left.
    """
    before: list[UploadedFile] = st.session_state.get("files_before", [])
    if not address.settled():  # the page was come to
        before = [*before, *st.session_state.get("files", [])]
    ids = {file.file_id for file in now}
    before = [file for file in before if file.file_id not in ids]
    st.session_state.update(files_before=before, files=list(now))
    return [*before, *now]


def forget() -> None:
    """The chosen files were added, or put away; the drop area is emptied."""
    st.session_state.update(files_before=[], files=[])
    next_round()
