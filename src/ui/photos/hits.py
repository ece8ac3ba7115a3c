"""What a search found, in the gallery, in its order; photos that show the same picture as an earlier one are folded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from src.database.catalog.browsing import ListedPhoto
from src.runtime import Services
from src.schema import SearchHit
from src.services.search import why
from src.services.search.browsing import look_of
from src.services.search.language import Reading, Restriction, written
from src.text import shown
from src.ui import state
from src.ui.insights import told as sets
from src.ui.photos import timeline


def show(
    services: Services,
    hits: Sequence[SearchHit],
    key: str,
    scores: bool = True,
    box: str = state.QUERY,
    copies: bool = False,
    more: int | None = None,
) -> None:
    """Photos in the order given; an object that was found is marked by a box. A click opens a photo large.

    key: of the gallery. scores: how likely each is what was asked for is shown. box: of the session, the page's box for
    words. copies: those of an earlier photo are folded. more: how many results beyond the wanted ones a button asks
    for; None for no button.
    """
    ids, found = [hit.id for hit in hits], {hit.id: hit.segment for hit in hits if hit.segment}
    reasons = {hit.id: hit.why for hit in hits if hit.why}
    same = services.duplicates.same_as_earlier(ids) if copies else {}
    if state.dialog() == "photo":
        state.know_gallery(_in_order(ids, same, [same.get(state.photo(), "")]), found, reasons)
    looks = {one.id: one for one in services.catalog.browsing.of(ids)}
    data = {
        "listing": f"{key} {state.searched()}",
        "items": [_item(hit, scores, same.get(hit.id), looks.get(hit.id)) for hit in hits],
        "more": more is not None,
        "box": box,
    }
    told: dict[str, timeline.Told] = {
        "open": partial(_open, ids, found, reasons, same),
        "narrow": show_folder,
        "more": lambda _: state.set_more(more or 0),
    }
    timeline.draw(services, key, data, told)


def _item(hit: SearchHit, scores: bool, same: str | None, look: ListedPhoto | None) -> dict[str, Any]:
    """One photo as the page's script draws it. ``of``: id of the earlier one that shows the same picture."""
    day, colour = look_of(look) if look else (0, 0)
    item: dict[str, Any] = {"id": hit.id, "name": shown(hit.name), "path": shown(hit.path), "size": list(hit.size)}
    item |= {"day": day, "colour": colour}
    if hit.box is not None and all(hit.size):
        item["box"] = [edge / side for edge, side in zip(hit.box, (*hit.size, *hit.size), strict=True)]
    if lines := why.boxes(hit.why):
        item["lines"] = lines
    if texts := [reason for reason in hit.why if reason.where]:
        item["why"] = why.told(texts)
    if same is not None:
        item["of"] = same
    return {**item, "band": hit.band, "percent": hit.percent} if scores else item


def _in_order(ids: Sequence[str], same: Mapping[str, str], unfolded: Collection[str] | None) -> list[str]:
    """Ids as the page shows them. unfolded: photos whose copies follow them; None: nothing is folded."""
    if unfolded is None:
        return list(ids)
    order: dict[str, list[str]] = {id_: [id_] for id_ in ids if id_ not in same}
    for id_ in ids:
        if same.get(id_) in unfolded:
            order[same[id_]].append(id_)
    return [id_ for some in order.values() for id_ in some]


def _open(
    ids: Sequence[str], found: state.Found, reasons: state.Why, same: Mapping[str, str], told: Mapping[str, Any]
) -> None:
    """A photo was clicked: those before and after it are the ones that are shown."""
    opened, unfolded = told.get("id"), told.get("unfolded")
    if opened in ids:
        names = [one for one in unfolded if isinstance(one, str)] if isinstance(unfolded, list) else None
        state.open_photo(str(opened), _in_order(ids, same, names), found, reasons)


def show_folder(told: Mapping[str, Any]) -> None:
    """The folder of a photo, in the Library."""
    folder = Restriction("in", (str(told.get("value") or ""),), False)
    state.ask(written(Reading(restrictions=(folder,))), state.LIBRARY_QUERY)
    sets.show_photos_of("")
    state.want_page("library")
