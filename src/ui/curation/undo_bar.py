"""What was done with photos, said at the foot of the page with a button that undoes it; and the keys for that.

Ctrl-Z undoes and Ctrl-Shift-Z or Ctrl-Y does again, on every page; with Command on a Mac. Where one writes, they are
the text's own.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from src.runtime import Services
from src.text import shown
from src.ui.curation import actions, told

_HERE = Path(__file__).parent


def show(services: Services, key: str = "undo-bar") -> None:
    """Draw it once a page, and once more in a dialog that does something with photos: it lies over the page."""
    last = told.last()
    data = {"id": last.id, "text": shown(last.text), "turn": last.turn} if last else {}
    with st.container(key=f"{key}-place"):
        _component()(key=key, data=data, width="content", on_act_change=partial(_act, services, key))


def _act(services: Services, key: str) -> None:
    """Run before the page is drawn."""
    turn = st.session_state[key].act
    if turn in ("undo", "redo"):
        actions.act(services, {"name": turn})


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    """Registered once a process."""
    css, js = ((_HERE / f"undo_bar.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return st.components.v2.component("undo_bar", html='<div class="root"></div>', css=css, js=js)
