"""The folders that the library follows, how they are, and what can be done with them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from src.runtime import Services
from src.schema import FolderStatus
from src.services.jobs.handlers import queue_objects, queue_sync, queue_texts
from src.services.jobs.kinds import FindObjects, ReadTexts
from src.text import count, shown
from src.ui import state
from src.ui.format import literal, moment


def show(services: Services) -> None:
    """One row for each folder, and the photos that are missing. Nothing where no folder was added yet."""
    folders = services.folders.all()
    missing, earlier = services.folders.missing(), services.folders.earlier()
    if not folders and not missing and not earlier:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("#### Folders")
        if len(folders) > 1:
            icon = ":material/refresh:"
            st.button(
                "Look for changes in all",
                icon=icon,
                type="tertiary",
                key="sync-all",
                on_click=_sync,
                args=(services, []),
            )
    with st.container(key="folders", gap="small"):
        if services.watcher.problem:
            st.warning(literal(services.watcher.problem), icon=":material/sync_problem:")
        for folder in folders:
            _show_folder(services, folder, _own_key(folder))
    if missing or earlier:
        _show_missing(missing, earlier)


def _own_key(folder: FolderStatus) -> str:
    """Of a folder, whichever row it is in: where rows move up, a browser would take its switches for another's."""
    return hashlib.blake2b(os.fsencode(folder.path), digest_size=8).hexdigest()


def _show_folder(services: Services, folder: FolderStatus, own: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"folder-row-{own}"):
        with st.container(gap=None, key=f"folder-text-{own}"):
            st.text(shown(folder.text))
            st.caption(status_line(folder))
        key = f"watch-{own}-{folder.watched}"  # the catalogue's word counts, also where another tab changed it
        st.toggle("Watch", folder.watched, key=key, on_change=_watch, args=(services, folder), help=WATCH)
        key = f"objects-{own}-{folder.objects}"
        st.toggle("Objects", folder.objects, key=key, on_change=_find_objects, args=(services, folder), help=OBJECTS)
        key = f"texts-{own}-{folder.texts}"
        st.toggle("Text", folder.texts, key=key, on_change=_read_texts, args=(services, folder), help=TEXTS)
        st.button("Look now", key=f"sync-{own}", icon=":material/refresh:", on_click=_sync, args=(services, [folder]))
        icon = ":material/close:"
        st.button(
            "Remove",
            key=f"remove-{own}",
            icon=icon,
            type="tertiary",
            on_click=state.open_remove,
            args=(folder.path,),
        )


WATCH = "Changes in the folder are picked up while the app runs. Otherwise only when you press “Look now”."

OBJECTS = (
    "Each photo is looked through for single things, so that they can be searched for too. "
    "It goes on in the background."
)


TEXTS = (
    "The words in each photo are read, so that `text:receipt` finds them: Chinese, English, Japanese and languages in "
    "Latin letters; no Cyrillic, Arabic or Korean. It goes on in the background."
)


def status_line(folder: FolderStatus) -> str:
    """How a folder is, in one line. Our own words only."""
    if folder.offline:
        hidden = f"{count(folder.files, 'photo')} hidden until it is back"
        return f":material/folder_off: **Offline** – {hidden}. Nothing is forgotten."
    there = folder.files - folder.missing - folder.away
    parts = [count(there, "photo"), _looked_at(folder)]
    if folder.missing:
        parts.insert(1, f"{folder.missing:,} missing")
    if folder.away:
        parts.insert(1, f":material/folder_off: {folder.away:,} hidden: a part of it can't be reached")
    return " · ".join(parts)


def _looked_at(folder: FolderStatus) -> str:
    if folder.synced_at:
        return f"looked at {moment(folder.synced_at)}"
    return "not gone through yet" if folder.watched else "not gone through to its end: “Look now” adds the rest"


def _show_missing(missing: int, earlier: int) -> None:
    """Photos whose files are gone, and what photos were before they were changed."""
    lines = []
    if missing:
        verb = "is missing: its file is" if missing == 1 else "are missing: their files are"
        lines.append(f":material/hide_image: {count(missing, 'photo')} {verb} gone. Hidden, and back when seen again.")
    if earlier:
        kept = f"{'is' if earlier == 1 else 'are'} kept, hidden"
        lines.append(
            f":material/history: {count(earlier, 'earlier version')} of photos that were changed since {kept}."
        )
    with st.container(horizontal=True, vertical_alignment="center", key="missing"):
        st.markdown("  \n".join(lines))
        label = f"Forget {what_goes(missing, earlier)} …"
        st.button(label, type="tertiary", key="forget", on_click=state.open_dialog, args=("forget",))


def what_goes(missing: int, earlier: int) -> str:
    """ "2 photos and 25 earlier versions"."""
    parts = [count(missing, "photo")] if missing or not earlier else []
    return " and ".join([*parts, *([count(earlier, "earlier version")] if earlier else [])])


def _watch(services: Services, folder: FolderStatus) -> None:
    services.folders.watch(folder.path, not folder.watched)


def _find_objects(services: Services, folder: FolderStatus) -> None:
    services.folders.find_objects(folder.path, not folder.objects)
    if not folder.objects:
        queue_objects(services.jobs, FindObjects(folders=(folder.path,)))


def _read_texts(services: Services, folder: FolderStatus) -> None:
    services.folders.read_texts(folder.path, not folder.texts)
    if not folder.texts:
        queue_texts(services.jobs, ReadTexts((folder.path,)))


def _sync(services: Services, folders: Sequence[FolderStatus]) -> None:
    queue_sync(services.jobs, [Path(folder.path) for folder in folders])
