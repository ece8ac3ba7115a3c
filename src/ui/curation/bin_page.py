"""The bin: removed photos with all that is known of them, taken out again or forgotten for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from src.database.catalog.bin import Binned
from src.runtime import Services
from src.services.jobs.handlers import KEPT_DAYS
from src.services.jobs.kinds import EmptyBin, kind_of
from src.text import count
from src.ui import address, state
from src.ui.curation import actions, picker
from src.ui.frame import empty_state
from src.ui.jobs import told

PAGE = 60
"""Photos of the bin on one page."""


def show(services: Services) -> None:
    number = services.curation.number_binned()
    if not number:
        text = f"Photos that you remove are here for {KEPT_DAYS} days, with all that is known of them."
        empty_state.show("delete", "The bin is empty", text, key="bin-empty")
        return
    st.markdown(f"{count(number, 'photo')} in the bin. After {KEPT_DAYS} days each is forgotten; your own files stay.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            f"Take all {number:,} out" if number > 1 else "Take it out",
            icon=":material/restore_from_trash:",
            on_click=actions.press,
            args=(services, "restore"),
            key="bin-restore-all",
        )
        st.button(
            "Empty the bin", icon=":material/delete_forever:", on_click=state.open_dialog, args=("empty",), key="bin-go"
        )
    pages = -(-number // PAGE)
    page = int(st.number_input("Page", 1, pages, key=f"bin-page-of-{pages}", width=140)) if pages > 1 else 1
    shown = services.curation.binned(PAGE, (page - 1) * PAGE)
    offered = [picker.action("restore", "Take out of the bin")]
    picker.show("bin-photos", "on this page", [_item(one) for one in shown], offered, _restorer(services), "grid")


def _restorer(services: Services) -> picker.Chosen:
    def restore(_: str, ids: Sequence[str]) -> None:
        actions.act(services, {"name": "restore", "ids": list(ids)})

    return restore


def _item(photo: Binned) -> dict[str, object]:
    return picker.item(
        photo.id, photo.name or "Photo", since(photo.binned_at), picture=address.on_server(f"/api/thumb/{photo.id}")
    )


def since(iso: str, today: datetime | None = None) -> str:
    """``removed 3 days ago, 27 days left``; empty where the time can't be read."""
    try:
        then = datetime.fromisoformat(iso)
    except ValueError:
        return ""
    moment = then if then.tzinfo else then.replace(tzinfo=UTC)
    days = max(0, ((today or datetime.now(UTC)) - moment).days)
    ago = f"{count(days, 'day')} ago" if days else "today"
    return f"removed {ago}, {count(max(0, KEPT_DAYS - days), 'day')} left"


@st.dialog("Empty the bin?", on_dismiss=state.close_dialog)
def ask(services: Services) -> None:
    """How many photos are forgotten for good, what goes with them, and the button that does it."""
    if state.dialog() is None:  # a button closed it: the whole page runs again
        st.rerun()
    number, copies = services.curation.number_binned(), _copies(services)
    st.markdown(
        f"The library forgets {count(number, 'photo')} for good, with tags, ratings, notes and all else it knows of "
        f"{'it' if number == 1 else 'them'}. **This can't be undone.**"
    )
    if copies:
        st.warning(
            f"{count(copies, 'photo was uploaded: its copy', 'photos were uploaded: their copies')} in the library "
            f"{'is' if copies == 1 else 'are'} deleted too.",
            icon=":material/warning:",
        )
    st.markdown("Your own photos in their folders stay where they are, and are not added again by themselves.")
    with st.container(horizontal=True):
        label = f"Forget {count(number, 'photo')}"
        st.button(label, type="primary", on_click=_empty, args=(services,), key="empty-yes", disabled=not number)
        st.button("Keep them", on_click=state.close_dialog, key="empty-no")


def _copies(services: Services) -> int:
    """How many photos in the bin have a stored upload."""
    uploads = {upload.image_id for upload in services.catalog.files.uploads() if not upload.missing}
    return len(services.catalog.bin.among(uploads))


def _empty(services: Services) -> None:
    state.close_dialog()
    if not any(kind_of(job.kind) is kind_of("empty") for job in services.jobs.active()):
        told.queue(services, "Emptying the bin", EmptyBin())
