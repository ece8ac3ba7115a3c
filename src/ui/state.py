"""What a browser session remembers, as plain values.

The only place that names keys of ``st.session_state``, but for those of the address in ``address.py``, of chosen files
in ``files.py``, of jobs in ``jobs/told.py``, of what is done with photos in ``curation/told.py``, of duplicates in
``duplicates/told.py``, of describing photos in ``descriptions/told.py``, and of the map in ``map/told.py``, and of
the example picture in ``example.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, cast

import streamlit as st

from src.schema import Mode, Reason

QUERY, IMAGE_QUERY, LIBRARY_QUERY = "query", "image-query", "library-query"
"""Widget keys of the boxes for words (text search, beside a picture, above the library); they outlive their tab."""
RESULTS = "results"
"""Widget key of the number of results, shared by both searches."""
MODE = "mode"
"""Widget key of what is searched."""
FOLDER = "folder"
"""Widget key of the path box."""
USUAL_RESULTS = 20
MAX_RESULTS, MOST_RESULTS = 1_000, 10_000
"""That may be wanted of every search, and with those that are asked for beyond them of one."""

SearchPageName = Literal["text_search", "image_search", "library"]
"""As its script in ``views`` is called."""
Dialog = Literal["photo", "clear", "forget", "remove", "export", "ask", "empty", "system-bin"]
Found: TypeAlias = Mapping[str, str]
Why: TypeAlias = Mapping[str, Sequence[Reason]]
"""Of photos that are results: the object that was found in each, and what found it."""


def query(key: str = QUERY) -> str:
    """What is in a box for words."""
    return cast("str | None", st.session_state.get(key)) or ""


def ask(query: str, key: str = QUERY) -> None:
    """Put words into a box for them."""
    st.session_state[key] = query


def set_filtered(key: str) -> None:
    """A filter of the query was chosen in a part of the page: all of it is to be drawn."""
    st.session_state[f"{key}-filtered"] = True


def take_filtered(key: str) -> bool:
    return bool(st.session_state.pop(f"{key}-filtered", False))


def closest_wanted(query: str) -> bool:
    """Whether the closest photos were asked for although nothing fits that query."""
    return st.session_state.get("closest") == query


def want_closest(query: str) -> None:
    st.session_state["closest"] = query


def look_into(folder: str) -> None:
    """Show what is in a folder where one is chosen; ``folder`` is its path."""
    st.session_state["looked_into"] = folder


def looked_into() -> str:
    """That path; empty before anything was looked into."""
    return cast(str, st.session_state.get("looked_into", ""))


def want_page(name: SearchPageName) -> None:
    """Go to that tab in this run; before the page is drawn."""
    st.session_state["wanted_page"] = name


def take_page() -> SearchPageName | None:
    """The tab that is to be opened now."""
    return cast("SearchPageName | None", st.session_state.pop("wanted_page", None))


def limit() -> int:
    """How many results are wanted."""
    return cast(int, st.session_state.get(RESULTS) or st.session_state.get("limit") or USUAL_RESULTS)


def set_limit(number: int) -> None:
    """So many results from now on; before the widgets of a run.

    Kept here too: Streamlit forgets widgets of a page that was left.
    """
    st.session_state[RESULTS] = st.session_state["limit"] = number


def more() -> int:
    """How many results beyond the wanted ones were asked for, of what is searched now."""
    asked, number = st.session_state.get("more_wanted", (None, 0))
    return cast(int, number) if asked == searched() else 0


def set_more(number: int) -> None:
    """Show so many more results of what is searched now; another search begins with the wanted number again."""
    st.session_state["more_wanted"] = (searched(), number)


def searched() -> tuple[object, ...]:
    """What tells the search of now from every other one, but for the number of its results."""
    dropped = (st.session_state.get("example_name"), len(st.session_state.get("example_png") or b""))
    like = (st.session_state.get("similar_to"), st.session_state.get("similar_box"))
    where = st.session_state.get("mode_wanted") or mode()
    return (query(), query(IMAGE_QUERY), *like, dropped, where, st.session_state.get("space"))


def start_mode() -> None:
    """Before the first widget of a run: what was chosen last, or asked for since, is searched; first whole images."""
    wanted = st.session_state.pop("mode_wanted", None)
    st.session_state[MODE] = wanted or st.session_state.get(MODE) or "images"


def mode() -> Mode:
    """What is searched."""
    return cast("Mode", st.session_state.get(MODE) or "images")


def set_mode(mode: Mode) -> None:
    """Search there from now on; before the first widget of a run."""
    st.session_state["mode_wanted"] = mode


def want_objects() -> None:
    """Search objects too from the next run on, where only whole images were searched."""
    if mode() == "images":
        set_mode("both")


# ---------------------------------------------------------------- what is open


def open_photo(image_id: str, neighbours: Sequence[str], found: Found | None = None, why: Why | None = None) -> None:
    """Show a photo large. neighbours: its gallery's ids, in order. found, why: of each, where it is a result."""
    st.session_state.update(dialog="photo", photo=image_id, neighbours=list(neighbours), looking_inside=None)
    st.session_state.update(found=dict(found or {}), why=dict(why or {}), dropped={})


def know_gallery(ids: Sequence[str], found: Found | None = None, why: Why | None = None) -> None:
    """The gallery that the page shows, for a photo that was opened by its address: see ``open_photo``."""
    if dialog() == "photo" and photo() in ids and not st.session_state.get("neighbours"):
        st.session_state.update(neighbours=list(ids), found=dict(found or {}), why=dict(why or {}))


def know_chances(words: str, chances: Mapping[str, float]) -> None:
    """What the page's photos were found by, and how likely each is that; no words where a picture found them."""
    if st.session_state.get("chances", ("", {}))[0] != words:
        st.session_state["told_hits"] = {}
    st.session_state["chances"] = (words, dict(chances))


def judged_hit() -> tuple[str, float] | None:
    """The words that found the open photo, and its chance; None where none did."""
    words, chances = st.session_state.get("chances", ("", {}))
    return (words, chances[photo()]) if words and photo() in chances else None


def told_of_hit() -> tuple[float, bool] | None:
    """What was said of the open photo, that it fits these words or does not; None for nothing."""
    return cast("tuple[float, bool] | None", st.session_state.get("told_hits", {}).get(photo()))


def set_told_of_hit(told: tuple[float, bool] | None) -> None:
    st.session_state.setdefault("told_hits", {})[photo()] = told


def show_only(photo_id: str | None) -> None:
    """Have this photo open, or nothing, as an address says that was gone to."""
    if photo_id is None:
        close_dialog()
    elif (dialog(), photo()) != ("photo", photo_id):
        open_photo(photo_id, [])


def found_object() -> str | None:
    """Id of the object that made the open photo a result."""
    return cast(Found, st.session_state.get("found", {})).get(photo())


def reasons() -> Sequence[Reason]:
    """Why the open photo is a result."""
    return cast(Why, st.session_state.get("why", {})).get(photo(), ())


def open_dialog(name: Dialog) -> None:
    st.session_state["dialog"] = name


def open_export(ids: Sequence[str]) -> None:
    """Ask how and where photos are to be exported."""
    st.session_state.update(dialog="export", photos_to_export=list(ids))


def photos_to_export() -> list[str]:
    """Their ids."""
    return cast("list[str]", st.session_state.get("photos_to_export", []))


def open_remove(folder: str) -> None:
    """Ask whether a folder is to be followed no more; ``folder`` is its path."""
    st.session_state.update(dialog="remove", folder_to_remove=folder)


def folder_to_remove() -> str:
    return cast(str, st.session_state.get("folder_to_remove", ""))


def close_dialog() -> None:
    """Close what is open. Where it is a photo, the gallery takes the focus back to it."""
    if dialog() == "photo":
        st.session_state["closed"] = (photo(), closed()[1] + 1)
    st.session_state.update(dialog=None, looking_inside=None)


def closed() -> tuple[str, int]:
    """Id of the photo that was closed last, and how many were closed in this session."""
    return cast("tuple[str, int]", st.session_state.get("closed", ("", 0)))


def choose_inside(on: bool) -> None:
    """Have the open photo, and those one goes on to, there to choose an object in it, or to be looked at."""
    st.session_state["looking_inside"] = on


def choosing_inside() -> bool:
    """As was chosen; until then where an object made the photo a result."""
    chosen = st.session_state.get("looking_inside")
    return found_object() is not None if chosen is None else bool(chosen)


def dialog() -> Dialog | None:
    return cast("Dialog | None", st.session_state.get("dialog"))


def photo() -> str:
    return cast(str, st.session_state.get("photo", ""))


def neighbour(step: int) -> str | None:
    """Id of the photo ``step`` places further in the gallery, None beyond its ends."""
    ids: list[str] = st.session_state.get("neighbours", [])
    at = ids.index(photo()) + step if photo() in ids else -1
    return ids[at] if 0 <= at < len(ids) else None


def go_to_photo(image_id: str, others: Sequence[str]) -> None:
    """Have another photo open in place of the open one. others: what is beside it where its gallery has it not."""
    if image_id not in st.session_state.get("neighbours", []):
        st.session_state.update(neighbours=list(others), found={}, why={})
    st.session_state["photo"] = image_id


def show_neighbour(step: int) -> None:
    st.session_state["photo"] = neighbour(step) or photo()


def drop_photo() -> None:
    """The open photo is in its gallery no more: the next is open, or the one before it, or none."""
    gone, ids = photo(), list(st.session_state.get("neighbours", []))
    at = ids.index(gone) if gone in ids else 0
    other = neighbour(1) or neighbour(-1)
    st.session_state["dropped"] = {**_dropped(), gone: at}
    st.session_state["neighbours"] = [id_ for id_ in ids if id_ != gone]
    if other is None:
        close_dialog()
    else:
        st.session_state["photo"] = other


def dropped() -> list[str]:
    """Ids of the photos that were dropped, the last of them at the end."""
    return list(_dropped())


def _dropped() -> dict[str, int]:
    return cast("dict[str, int]", st.session_state.get("dropped", {}))


def put_back(ids: Sequence[str]) -> None:
    """Dropped photos are back where they were in their gallery; the open one makes room for the last of them."""
    back = [id_ for id_ in reversed(dropped()) if id_ in ids]
    for id_ in back:
        order = list(st.session_state.get("neighbours", []))
        order.insert(_dropped()[id_], id_)
        st.session_state["neighbours"] = order
    st.session_state["dropped"] = {id_: at for id_, at in _dropped().items() if id_ not in back}
    if back and dialog() == "photo":
        st.session_state["photo"] = back[0]


# ---------------------------------------------------------------- exports, messages, the end


def exports() -> int:
    """How many exports this session has begun: part of their form's keys, so that each starts with a new form."""
    return cast(int, st.session_state.get("exports", 0))


def count_export(job_id: str, place: str) -> None:
    """An export was begun. place: as it was typed."""
    st.session_state.update(exports=exports() + 1, last_export=(job_id, place))


def last_export() -> tuple[str, str]:
    """Id of the job of this session's last export, and the place that was typed for it; empty where there was none."""
    return cast("tuple[str, str]", st.session_state.get("last_export", ("", "")))


def set_message(text: str) -> None:
    """One sentence for the next run to show where the user acted; empty for none."""
    st.session_state["message"] = text or None


def is_new(notice: str) -> bool:
    """Whether this session was not told yet; it is from now on."""
    told = st.session_state.setdefault("notices_told", set())
    new = notice not in told
    told.add(notice)
    return bool(new)


def take_message() -> str | None:
    return cast("str | None", st.session_state.pop("message", None))


def set_clearing(job_id: str | None) -> None:
    st.session_state["clearing"] = job_id


def clearing() -> str | None:
    """Id of the clear job that this session waits for."""
    return cast("str | None", st.session_state.get("clearing"))


def quit_now() -> None:
    st.session_state["quitting"] = True


def quitting() -> bool:
    return bool(st.session_state.get("quitting"))
