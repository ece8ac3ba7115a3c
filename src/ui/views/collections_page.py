"""Tags and albums."""

from __future__ import annotations

from pathlib import Path

from src.ui import address
from src.ui.curation import collections_page, links, told
from src.ui.resources import get_services

services = get_services()
if told.take_collection():
    address.go(Path(__file__).with_name("text_search_page.py"))
links.show(services)
collections_page.show(services)
