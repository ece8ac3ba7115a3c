"""The one set of services that all sessions share, and where a page's surprises go."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import streamlit as st

from src.errors import AppError
from src.ui import secrets
from src.ui.frame import error_box

if TYPE_CHECKING:
    from src.runtime import Services

log = logging.getLogger(__name__)

FIRST_PAGE = 3.0
"""Seconds that the first page may take before the warm-up begins without it."""


@st.cache_resource(show_spinner=False, on_release=lambda services: services.close())
def get_services() -> Services:
    """Opened at the first call, kept until the process ends. Raises LibraryError; the next call tries again.

    Imports what it needs only now: the app answers, and a browser loads its page, meanwhile.
    """
    from src.bootstrap import build_services

    port = st.get_option("server.port")
    services = build_services(port=int(port) if port else None)
    services.servers.offer(secrets.known())
    return services.start(FIRST_PAGE)


def open_early() -> None:
    """Open the library before the first page asks for it, so that left-over jobs go on.

    What fails is told by the page.
    """
    try:
        get_services()
    except AppError as error:
        log.warning("the library could not be opened: %s", error)


def close_services() -> None:
    """Close the library cleanly, if it was opened."""
    get_services.clear()


def reopen() -> None:
    """Open the library anew where it was taken away and is there again.

    A new one is begun only by a new start of the app.
    """
    services = get_services()
    if services.settings.catalog_file.exists():
        close_services()


def log_surprise(error: Exception) -> bool:
    """The page boundary: the log gets what a page did not expect, the browser one sentence, never a traceback."""
    if isinstance(error, AppError):
        error_box.show(error)
    else:
        log.error("a page failed", exc_info=error)
        text = f"Something unexpected went wrong ({type(error).__name__}). The log in data/logs has the details."
        st.error(text, icon=":material/error:")
    return True
