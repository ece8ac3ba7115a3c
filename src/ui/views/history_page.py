"""The history: what was done with photos."""

from __future__ import annotations

from src.ui.curation import history_page, links
from src.ui.resources import get_services

services = get_services()
links.show(services)
history_page.show(services)
