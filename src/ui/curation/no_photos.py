"""What the pages show of a library without photos: how to add some, and where those are that were removed."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from src.runtime import Services
from src.text import count
from src.ui import address, state
from src.ui.curation import actions
from src.ui.frame import empty_state

UPLOAD = Path(__file__).parents[1] / "views" / "upload_page.py"
STAY = "Nothing of them leaves this computer unless you ask for it."


def show(services: Services, text: str) -> None:
    """text: what photos would be good for on this page."""
    if empty_state.show("add_photo_alternate", "No photos yet", text, "Add photos", key="no-photos"):
        address.go(UPLOAD)
    number = services.curation.number_binned()
    if not number:
        return
    with st.container(key="binned-offer", horizontal_alignment="center", gap="small"):
        them = "It is" if number == 1 else "They are"
        st.markdown(
            f"{count(number, 'photo')} in the bin. {them} kept until it is emptied.", text_alignment="center", width=520
        )
        with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
            last = next((one for one in services.curation.history(actions.HISTORY) if not one.undone), None)
            if last is not None and last.kind == "clear":
                icon, args = ":material/undo:", (services, "undo")
                st.button("Undo the clearing", icon=icon, on_click=actions.press, args=args, key="cleared-undo")
            icon = ":material/delete_forever:"
            st.button("Empty the bin", icon=icon, on_click=state.open_dialog, args=("empty",), key="cleared-empty")
