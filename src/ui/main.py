"""The script that runs for every session and every click: opens the library, draws the frame, runs the chosen page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from src.errors import AppError
from src.runtime import Services
from src.services.jobs.kinds import KINDS, JobKind
from src.ui import address, state
from src.ui.curation import ask_dialog, bin_page, links, undo_bar
from src.ui.duplicates import system_bin_dialog
from src.ui.format import literal
from src.ui.frame import closed_library, error_box, explore, farewell, sidebar, style
from src.ui.jobs import job_progress, told
from src.ui.library import clear_dialog, forget_dialog
from src.ui.photos import photo_dialog
from src.ui.resources import get_services, reopen
from src.ui.search import export_box

OTHER_JOBS = tuple(kind for kind in KINDS if kind != "index")
"""Of adding photos the Upload page tells more."""
VIEWS = Path(__file__).parent / "views"  # not "pages": Streamlit would take a folder of that name for its own page list
# a file of our own: an icon by name would be fetched from another machine
ICON = Path(__file__).parent / "assets" / "icon.svg"


def main() -> None:
    st.set_page_config(page_title="Media Feature Extractor", page_icon=ICON, layout="wide")
    st.logo(ICON)
    style.apply()
    if state.quitting():
        farewell.show()
        return
    tabs = _tabs()
    page = st.navigation([*tabs, *explore.pages(), *links.pages()], position="top")
    address.start(page.url_path)
    state.start_mode()
    steps, done = st.container(key="address-place"), st.container(key="done-place")
    _show_narrow_tabs(tabs)
    try:
        services = get_services()
    except AppError as error:
        closed_library.show(error)
        return
    problem = services.problem()
    if problem:
        closed_library.show(problem, reopen)
        return
    wanted = state.take_page()
    if wanted:
        address.go(VIEWS / f"{wanted}_page.py")
    if address.settled():  # what was asked is in the address before it is answered
        address.write()
    _show_page(services, page, OTHER_JOBS if page is tabs[0] else ("index", *OTHER_JOBS))
    _show_dialog(services)
    address.write()
    with steps:
        address.draw("address")
    with done:
        undo_bar.show(services)


def _tabs() -> list[st.Page]:
    return [
        st.Page(VIEWS / "upload_page.py", title="Upload", icon=":material/add_photo_alternate:", url_path="upload"),
        st.Page(VIEWS / "text_search_page.py", title="Text search", icon=":material/search:", default=True),
        st.Page(VIEWS / "image_search_page.py", title="Image search", icon=":material/image_search:", url_path="image"),
        st.Page(VIEWS / "about_page.py", title="Statistics & about", icon=":material/bar_chart:", url_path="about"),
        st.Page(VIEWS / "library_page.py", title="Library", icon=":material/photo_library:", url_path="library"),
    ]


def _show_page(services: Services, page: st.Page, kinds: tuple[JobKind, ...]) -> None:
    """The page, which is what one waits for, and the frame around it.

    ``kinds``: the jobs that the frame tells of; Upload shows its own progress and report.
    """
    jobs = job_progress.jobs_state(services)
    parts: list[Callable[[], None]] = [
        lambda: job_progress.announce(services, kinds),
        page.run,
        lambda: sidebar.show(services, kinds),
    ]
    for draw in parts:
        try:
            draw()
        except AppError as error:
            error_box.show(error)
    told.set_drawn(jobs)
    services.drawn.set()


def _show_dialog(services: Services) -> None:
    """The one dialog that is open, if any, and a sentence that another left behind."""
    message = state.take_message()
    if message:
        st.toast(message, icon=":material/info:")
    for notice in filter(state.is_new, services.notices):
        st.toast(literal(notice), icon=":material/folder_off:", duration="long")
    if state.dialog() == "photo":
        photo_dialog.show(services)
    elif state.dialog() == "clear":
        clear_dialog.show(services)
    elif state.dialog() == "forget":
        forget_dialog.show_missing(services)
    elif state.dialog() == "export":
        export_box.show_dialog(services)
    elif state.dialog() == "remove":
        forget_dialog.show_folder(services)
    elif state.dialog() == "ask":
        ask_dialog.show(services)
    elif state.dialog() == "system-bin":
        system_bin_dialog.show(services)
    elif state.dialog() == "empty":
        bin_page.ask(services)


def _show_narrow_tabs(tabs: list[st.Page]) -> None:
    """On a narrow screen Streamlit hides its tabs in the sidebar; these, shown only there, stay in reach."""
    with st.container(key="tabs", horizontal=True, gap=None):
        for tab in tabs:
            st.page_link(tab, label=tab.title.split()[0])
        with st.popover(":material/explore:", type="tertiary", key="explore"):
            explore.show()


main()
