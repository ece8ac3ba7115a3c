"""The one set of services that all sessions share, and where a page's surprises go."""

from __future__ import annotations

import logging

import streamlit as st

from src.bootstrap import Services, build_services
from src.errors import AppError
from src.ui.components import error_box

log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False, on_release=Services.close)
def get_services() -> Services:
    """Opened at the first call, kept until the process ends. Raises LibraryError; the next call tries again."""
    port = st.get_option("server.port")
    return build_services(port=int(port) if port else None).start()


def open_early() -> None:
    """Open the library before the first page asks for it, so that left-over jobs go on. What fails is told by the page."""
    try:
        get_services()
    except AppError as error:
        log.warning("the library could not be opened: %s", error)


def close_services() -> None:
    """Close the library cleanly, if it was opened."""
    get_services.clear()


def log_surprise(error: Exception) -> bool:
    """The page boundary: what a page did not expect is written to the log; the browser gets one sentence, never a traceback."""
    if isinstance(error, AppError):
        error_box.show(error)
    else:
        log.error("a page failed", exc_info=error)
        text = f"Something unexpected went wrong ({type(error).__name__}). The log in data/logs has the details."
        st.error(text, icon=":material/error:")
    return True
