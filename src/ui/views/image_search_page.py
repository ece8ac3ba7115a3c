"""Image search: an example picture in, photos that look like it out."""

from __future__ import annotations

from dataclasses import replace

from src.errors import UnreadableImage
from src.ui import state
from src.ui.curation import no_photos
from src.ui.frame import error_box
from src.ui.resources import get_services
from src.ui.search import example_picture, picture_drop, query_box, results, understood

services = get_services()
images, _, _ = services.catalog.counts()
if not images and not services.jobs.active():
    text = f"Add some, then find those that look like an example picture. {no_photos.STAY}"
    no_photos.show(services, text)
else:
    try:
        query, limit = example_picture.show(services)
    except UnreadableImage as error:
        query = None
        error_box.show(error)
    if query is not None:
        words = query_box.show(state.IMAGE_QUERY, "Add words, or filters such as -people or date:2024")
        understood.show(services, words, state.IMAGE_QUERY)
        words_too = replace(query, text=state.query(state.IMAGE_QUERY))
        results.show(services, words_too, limit, "image-results", state.IMAGE_QUERY)
    picture_drop.listen(services)
