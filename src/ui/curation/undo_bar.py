"""What was done with photos, said at the foot of the page with a button that undoes it; and the keys for that.

Ctrl-Z undoes and Ctrl-Shift-Z or Ctrl-Y does again, on every page; with Command on a Mac. Where one writes, they are
the text's own.
"""

from __future__ import annotations

from functools import partial

import streamlit as st

from src.runtime import Services
from src.text import shown
from src.ui.curation import actions, told
from src.ui.frame.component import beside


def show(services: Services, key: str = "undo-bar") -> None:
    """Draw it once a page, and once more in a dialog that does something with photos: it lies over the page."""
    last = told.last()
    data = {"id": last.id, "text": shown(last.text), "turn": last.turn} if last else {}
    with st.container(key=f"{key}-place"):
        heard = {f"on_{turn}_change": partial(actions.act, services, {"name": turn}) for turn in ("undo", "redo")}
        # each turn has a trigger of its own: the bar is drawn last, and a run that another one cuts short forgets its
        # key, by which one trigger's value would be looked up
        beside(__file__, "undo_bar")(key=key, data=data, width="content", **heard)
