"""Under a photo that words found: whether it is what was asked for. What is said moves the library's chances."""

from __future__ import annotations

import streamlit as st

from src.errors import AppError
from src.runtime import Services
from src.schema.search import percent_of
from src.ui import state
from src.ui.format import literal
from src.ui.frame import error_box


def show(services: Services) -> None:
    """Nothing for a photo that was opened from elsewhere, or was found by a picture or by its name."""
    found, told = state.judged_hit(), state.told_of_hit()
    if found is None:
        return
    words, chance = found
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="fits"):
        try:
            if told is not None:
                st.caption("Noted. The chances of all hits in this library follow it.")
                if st.button("Undo", type="tertiary", key="fits-undo"):
                    services.search.take_back(told)
                    _say(None)
                return
            st.caption(f"A chance of {percent_of(chance)} %. Is it “{literal(words)}”?")
            if st.button("It fits", icon=":material/thumb_up:", type="tertiary", key="fits-yes"):
                _say(services.search.tell(chance, True))
            if st.button("It does not", icon=":material/thumb_down:", type="tertiary", key="fits-no"):
                _say(services.search.tell(chance, False))
        except AppError as error:
            error_box.show(error)


def _say(told: tuple[float, bool] | None) -> None:
    """The page under the photo is drawn again too: its chances are other ones now."""
    state.set_told_of_hit(told)
    st.rerun()
