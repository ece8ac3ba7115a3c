"""Shown instead of the app where the library can't be opened."""

from __future__ import annotations

import re
from collections.abc import Callable

import streamlit as st

from src.errors import AppError
from src.ui.frame import error_box


def show(error: AppError, reopen: Callable[[], None] | None = None) -> None:
    """Why, where it runs if another process has it, and a button to try again.

    reopen: what that does first, where the library had been open.
    """
    st.markdown("### Your library can't be opened")
    error_box.show(error)
    elsewhere = re.search(r"http://127\.0\.0\.1:\d+", error.user_message)
    with st.container(horizontal=True):
        if elsewhere:
            st.link_button("Open the app there", elsewhere[0], type="primary")
        st.button("Try again", key="try-again", icon=":material/refresh:", on_click=reopen)
