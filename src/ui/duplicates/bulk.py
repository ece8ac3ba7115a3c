"""Deciding about many groups at once by a rule, which shows first what it would do."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import Literal

import streamlit as st

from src.export.sheet import Sheet
from src.runtime import Services
from src.schema.duplicates import LEVELS, DuplicateGroup, Fate, Level
from src.services.curation.service import LONGEST_TAG
from src.text import count, shown
from src.ui import address
from src.ui.curation import actions
from src.ui.duplicates import told
from src.ui.duplicates.review import TITLES
from src.ui.format import literal, size

Rule = Literal["bin", "tag", "album", "list"]
RULES: dict[Rule, str] = {
    "bin": "Put the copies into the bin",
    "tag": "Tag the copies",
    "album": "Put the copies into an album",
    "list": "List all files (CSV)",
}
COLUMNS = ("group", "level", "keep", "path", "bytes", "reasons")
FIRST, COPIES = 4, 6
"""Groups that the preview shows, and copies of each."""


def show(services: Services, groups: Sequence[DuplicateGroup]) -> None:
    """A button, and below it the rule and what it would do."""
    with st.popover("Decide about many", icon=":material/rule:", key=told.BULK, on_change="rerun") as panel:
        if panel.open:
            _show_rule(services, groups)


def _show_rule(services: Services, groups: Sequence[DuplicateGroup]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        level: Level = st.selectbox("Of groups with", LEVELS, 2, format_func=_up_to, key="bulk-level", width=260)
        rule: Rule = st.selectbox("Do this", list(RULES), format_func=RULES.__getitem__, key="bulk-rule", width=260)
        name = "duplicate"
        if rule in ("tag", "album"):
            label = "Tag" if rule == "tag" else "Album"
            name = st.text_input(label, name, max_chars=LONGEST_TAG, key=f"bulk-{rule}", width=200)
    some = [group for group in groups if LEVELS.index(group.level) <= LEVELS.index(level)]
    if rule == "list":
        _offer_list(services, some)
    else:
        _offer(services, [group for group in some if len(group.photos) > 1], rule, name)


def _up_to(level: Level) -> str:
    return TITLES[level] if level == LEVELS[0] else f"{TITLES[level]} or stricter"


def _offer(services: Services, groups: Sequence[DuplicateGroup], fate: Fate, name: str) -> None:
    copies = list(dict.fromkeys(id_ for group in groups for id_ in group.photos[1:]))
    if not copies:
        st.markdown("No group has more than one photo in the library: files with the same bytes are one.")
        return
    known = services.catalog.duplicates.copies(copies)
    fates: dict[Fate, str] = {
        "bin": "put into the bin",
        "tag": f"tagged “{literal(name)}”",
        "album": f"put into the album “{literal(name)}”",
    }
    total, many = size(sum(copy.bytes for copy in known.values())), len(copies) > 1
    st.markdown(
        f"**{count(len(groups), 'group')}**: the suggested photo of each is kept, and "
        f"**{count(len(copies), 'copy', 'copies')}** of {total} {'are' if many else 'is'} {fates[fate]}. "
        "No file is touched, and one undo takes all of it back."
    )
    _show_first(groups)
    st.button(
        f"Decide about {count(len(groups), 'group')}",
        type="primary",
        icon=":material/done_all:",
        on_click=_apply,
        args=(services, tuple(group.photos for group in groups), fate, name),
        key="bulk-go",
    )


def _apply(services: Services, groups: Sequence[tuple[str, ...]], fate: Fate, name: str) -> None:
    """Of the groups that were shown, those that are still to be decided."""
    undecided = {group.photos for group in services.duplicates.groups()}
    left = [group for group in groups if group in undecided]
    told.close_bulk()
    actions.perform(services, lambda of: of.settle(left, fate, name))


def _show_first(groups: Sequence[DuplicateGroup]) -> None:
    """The photo that is kept of each, with a frame, and its copies."""
    parts = []
    for group in groups[:FIRST]:
        keep, *others = group.photos
        pictures = [_picture(keep, "kept", "Kept"), *(_picture(id_, "", "Copy") for id_ in others[:COPIES])]
        more = f"<span>+{len(others) - COPIES}</span>" if len(others) > COPIES else ""
        parts.append(f"<li>{''.join(pictures)}{more}</li>")
    more = f"<li><span>and {len(groups) - FIRST:,} more</span></li>" if len(groups) > FIRST else ""
    st.html(f'<ul class="bulk-first">{"".join(parts)}{more}</ul>')


def _picture(image_id: str, kind: str, alt: str) -> str:
    src = escape(address.on_server(f"/api/thumb/{image_id}"))
    return f'<img class="{kind}" src="{src}" alt="{alt}" loading="lazy">'


def _offer_list(services: Services, groups: Sequence[DuplicateGroup]) -> None:
    files = sum(len(group.files) for group in groups)
    st.markdown(
        f"**{count(len(groups), 'group')}** with **{count(files, 'file')}**, the one to keep first. Nothing is changed."
    )
    if groups:
        st.download_button(
            "Save the list",
            as_csv(services, groups),
            "duplicates.csv",
            "text/csv",
            icon=":material/download:",
            type="primary",
            key="bulk-list",
        )


def as_csv(services: Services, groups: Sequence[DuplicateGroup]) -> bytes:
    """A row a file: number of its group, level, whether it is to be kept, path, bytes, and why."""
    known = services.catalog.duplicates.copies([id_ for group in groups for id_ in group.photos])
    target = io.BytesIO()
    sheet = Sheet(target, COLUMNS)
    for number, group in enumerate(groups, 1):
        reasons = " ".join(shown(reason.text) for reason in group.reasons)
        for file in group.files:
            copy = known.get(file.image_id)
            keep = "yes" if file is group.keep else "no"
            sheet.add((number, group.level, keep, file.path, copy.bytes if copy else None, reasons))
    return target.getvalue()
