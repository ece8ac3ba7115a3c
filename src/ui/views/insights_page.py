"""Insights: what the library is made of, each number a link to the photos it counts."""

from __future__ import annotations

from src.ui.curation import no_photos
from src.ui.insights import page
from src.ui.resources import get_services

services = get_services()
images, _, _ = services.catalog.counts()
if images:
    page.show(services)
else:
    no_photos.show(services, "Add some, then see what they are made of: years, cameras, places, what looks alike.")
