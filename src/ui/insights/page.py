"""The page Insights: bars that say how many photos have something in common, each a link to just these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from src.runtime import Services
from src.schema.insights import Block
from src.services.insights.service import NAMES
from src.text import shown
from src.ui import address
from src.ui.frame.component import beside, reported
from src.ui.insights import told
from src.ui.jobs import job_progress

KEY = "insights"
PATIENCE = 0.02
"""Seconds that the first answer waits for each block, so that those of a small library are there at once."""
EVERY = 1.0
"""Seconds between two looks at what is still being counted."""


def show(services: Services) -> None:
    """All blocks that were counted; those that were not follow by themselves."""
    blocks = {name: services.insights.block(name, PATIENCE) for name in NAMES}
    if any(counting for _, counting in blocks.values()):
        job_progress.repeat(lambda: _draw_until_counted(services), EVERY)
    else:
        _draw(blocks)


def _draw_until_counted(services: Services) -> None:
    blocks = {name: services.insights.block(name) for name in NAMES}
    _draw(blocks)
    if told.take_left() or not any(counting for _, counting in blocks.values()):
        st.rerun()


def _draw(blocks: Mapping[str, tuple[Block | None, bool]]) -> None:
    data = {"library": address.on_server("/library"), "blocks": [_told(*block) for block in blocks.values()]}
    beside(__file__, "bars")(key=KEY, data=data, on_go_change=_go)


def _told(block: Block | None, counting: bool) -> dict[str, Any]:
    """A block as it is drawn; nothing of one that was never counted."""
    if block is None:
        return {}
    bars = [{**asdict(bar), "label": shown(bar.label)} for bar in block.bars]
    return {"name": block.name, "title": block.title, "bars": bars, "note": shown(block.note), "old": counting}


def _go() -> None:
    bar = reported(KEY, "go")
    if isinstance(bar, Mapping):
        told.show_bar(bar)
