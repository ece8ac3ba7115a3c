"""Labels: photos classified, one picture or all, and the tags that are suggested by that."""

from __future__ import annotations

from src.ui.curation import no_photos
from src.ui.labels import form, one_picture, review
from src.ui.resources import get_services

services = get_services()
asked = form.show(services)
images, _, _ = services.catalog.counts()
if images:
    review.show(services)
else:
    no_photos.show(services, "Add some, then see which of your labels each shows, and keep those that are right.")
one_picture.show(services, asked)
