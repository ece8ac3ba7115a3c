"""The bin: photos that were removed."""

from __future__ import annotations

from src.ui.curation import bin_page, links
from src.ui.resources import get_services

services = get_services()
links.show(services)
bin_page.show(services)
