"""Map: the library as a picture of points, those of photos that look alike beside each other."""

from __future__ import annotations

from src.ui.curation import no_photos
from src.ui.map import page
from src.ui.resources import get_services

services = get_services()
images, _, _ = services.catalog.counts()
if images or services.jobs.active():
    page.show(services)
else:
    no_photos.show(services, "Add some, then see all of them at once, those that look alike beside each other.")
