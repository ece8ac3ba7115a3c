"""Tags as a tree and albums: counted, renamed, merged, deleted, and a way to their photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import streamlit as st

from src.database.catalog.albums import Album
from src.runtime import Services
from src.services.curation.service import TagNode
from src.services.search.language import Reading, Restriction, written
from src.text import count
from src.ui import address, state
from src.ui.curation import actions, arranged, picker, suggested, told
from src.ui.frame import empty_state

OF_TAGS = (
    picker.action("rename-tag", "Rename", 1),
    picker.action("merge-tags", "Merge into …"),
    picker.action("delete-tags", "Delete"),
)
OF_ALBUMS = (
    picker.action("arrange-album", "Put in order", 1),
    picker.action("rename-album", "Rename", 1),
    picker.action("delete-album", "Delete", 1),
)


def show(services: Services) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("#### Tags")
        _show_tags(services)
    with right:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("#### Albums")
            st.button(
                "New album",
                icon=":material/add:",
                type="tertiary",
                on_click=told.ask,
                args=("new-album",),
                key="new-album",
            )
        _show_albums(services)
    arranged.show(services)
    if services.catalog.counts()[0]:
        suggested.show(services)


def _want(key: str, value: str, order: str = "") -> None:
    state.ask(written(Reading(restrictions=(Restriction(key, (value,)),), sort=order)))
    told.want_collection()


def _show_tags(services: Services) -> None:
    items = [
        picker.item(node.tag, node.name, count(node.photos, "photo"), level)
        for level, node in _flat(services.curation.tag_tree())
    ]
    if not items:
        empty_state.show("sell", "No tags yet", "Tag an open photo, or those that you select.", key="no-tags")
        return

    def act(name: str, tags: Sequence[str]) -> None:
        if name == "delete-tags":
            every = services.catalog.health.image_ids()  # hidden photos and those in the bin too
            actions.perform(services, lambda of: of.tag(every, remove=tags))
        elif name in ("rename-tag", "merge-tags"):
            told.ask(name, about=tags)

    picker.show("tags", "tags", items, OF_TAGS, act, open_=lambda tag: _want("tag", tag))


def _flat(nodes: Sequence[TagNode], level: int = 0) -> Iterator[tuple[int, TagNode]]:
    for node in nodes:
        yield level, node
        yield from _flat(node.children, level + 1)


def _show_albums(services: Services) -> None:
    albums = {album.id: album for album in services.curation.albums()}
    if not albums:
        text = "Add an open photo to one, or those that you select."
        empty_state.show("photo_album", "No albums yet", text, key="no-albums")
        return

    def act(name: str, ids: Sequence[str]) -> None:
        if name == "delete-album":
            actions.perform(services, lambda of: of.delete_album(ids[0]))
        elif name == "rename-album":
            told.ask(name, about=ids)
        elif name == "arrange-album":
            told.arrange(ids[0])

    items = [_album_item(album) for album in albums.values()]
    picker.show("albums", "albums", items, OF_ALBUMS, act, open_=lambda id_: _want("album", albums[id_].name, "album"))


def _album_item(album: Album) -> dict[str, object]:
    cover = address.on_server(f"/api/thumb/{album.cover}") if album.cover else None
    return picker.item(album.id, album.name, count(album.photos, "photo"), picture=cover)
