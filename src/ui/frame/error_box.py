"""An error as the user reads it: one sentence, and what to do next."""

from __future__ import annotations

import streamlit as st

from src.errors import AppError
from src.text import shown
from src.ui.format import literal


def show(error: AppError) -> None:
    st.error(literal(error.user_message), icon=":material/error:")
    if error.hint:
        st.text(shown(error.hint))
