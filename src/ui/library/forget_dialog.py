"""Photos whose files are gone, or those of a folder, put into the bin. Says what goes and what stays first."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from src.runtime import Services
from src.services.jobs.asked import removing
from src.services.jobs.handlers import KEPT_DAYS
from src.services.jobs.kinds import ForgetMissing, Params, kind_of_params
from src.text import count, shown
from src.ui import state
from src.ui.jobs import told
from src.ui.library.folder_list import what_goes


@st.dialog("Forget missing photos?", on_dismiss=state.close_dialog)
def show_missing(services: Services) -> None:
    """How many photos have no file any more, what photos were before they changed, and the button to forget both."""
    if state.dialog() is None:  # a button closed it: the whole page runs again
        st.rerun()
    number, earlier = services.folders.missing(look=True), services.folders.earlier()
    if number or not earlier:
        st.markdown(
            f"The files of {count(number, 'photo')} were not there, looked for just now. "
            f"They go into the bin; after {KEPT_DAYS} days there, they are forgotten."
        )
        st.markdown(
            "Photos of folders that are offline or can't be reached now are kept: they are back when their drive is."
        )
    if earlier:
        versions = count(earlier, "earlier version")
        st.markdown(
            f"{versions} of photos that were changed since: the photos as they are now stay. "
            "What they were goes into the bin."
        )
    st.markdown("It can be undone until the bin is emptied. A photo whose file is seen again leaves the bin by itself.")
    forget = f"Forget {what_goes(number, earlier)}"
    _buttons(services, forget, "Forgetting missing photos", ForgetMissing(), enabled=bool(number or earlier))


@st.dialog("Remove this folder?", on_dismiss=state.close_dialog)
def show_folder(services: Services) -> None:
    """What the library forgets with a folder, and the button that does it."""
    if state.dialog() is None:
        st.rerun()
    folder = next((folder for folder in services.folders.all() if folder.path == state.folder_to_remove()), None)
    if folder is None:
        st.info("This folder is not in the library any more.", icon=":material/folder_off:")
        return
    st.text(shown(folder.text))
    if folder.offline:
        st.warning(
            "It is offline. To have its photos again, undo this, or add it when it is back.",
            icon=":material/folder_off:",
        )
    files = count(folder.files, "file")
    st.markdown(
        f"The photos of this folder ({files}) go into the bin, with their facts, tags, ratings and notes, except those "
        f"that are in another folder too; after {KEPT_DAYS} days there, they are forgotten."
    )
    st.markdown("The files themselves stay where they are. **It can be undone until the bin is emptied.**")
    _buttons(services, "Remove the folder", *removing(Path(folder.path)))


def _buttons(services: Services, label: str, title: str, asked: Params, enabled: bool = True) -> None:
    kind = kind_of_params(asked)
    with st.container(horizontal=True):
        st.button(
            label,
            type="primary",
            key=f"{kind}-yes",
            disabled=not enabled,
            on_click=_begin,
            args=(services, title, asked),
        )
        st.button("Keep everything", key=f"{kind}-no", on_click=state.close_dialog)


def _begin(services: Services, title: str, asked: Params) -> None:
    told.queue(services, title, asked)
    state.close_dialog()
