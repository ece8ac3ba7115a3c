"""Image search: an example picture in, photos that look like it out."""

from __future__ import annotations

from dataclasses import replace

from src.errors import BadQuery, UnreadableImage
from src.ui import state
from src.ui.curation import no_photos
from src.ui.frame import error_box
from src.ui.resources import get_services
from src.ui.search import compare_by, example_picture, picture_drop, query_box, results, understood

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
        space = compare_by.show(services)
        filters = "Add filters such as date:2024" if space else "Add words, or filters such as -people or date:2024"
        words = query_box.show(state.IMAGE_QUERY, filters)
        understood.show(services, words, state.IMAGE_QUERY)
        try:
            if compare_by.is_ready(services, space):
                words_too = replace(query, text=state.query(state.IMAGE_QUERY))
                asked = compare_by.wanted(services, words_too, space)
                results.show(services, asked, limit, "image-results", state.IMAGE_QUERY, space)
        except BadQuery as error:
            error_box.show(error)
    picture_drop.listen(services)
