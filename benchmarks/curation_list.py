"""Some twenty things that somebody does with photos that were found, each by what the pages show and by their keys."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.task_list import Task
from benchmarks.task_user import User

TILES, CONTROLS = ".tile.here", ".items:visible, .history:visible, .card:visible, [data-testid=stMain] button:visible"
"""What shows that a page is there: photos of the Library, or what other pages have to be used."""
TRIP, BEST = 'in:"2015 Scotland"', "Best of Scotland"
HALF = "in:photos1000"


def _said(user: User, text: str) -> bool:
    """Whether the page says that this was done."""
    told = user.page.locator(".bar[role=status]").filter(has_text=text)
    return user.sees(lambda: told.count() > 0)


def _said_and_undone(user: User, done: str, undone: str) -> bool:
    """What was done is said, and taken back by a key."""
    if not _said(user, done):
        return False
    user.press("Control+z")
    return _said(user, undone)


def _button(user: User, name: str | re.Pattern[str]) -> None:
    user.click(user.page.get_by_role("button", name=name).first)


def _choose(user: User, number: int) -> None:
    """The first photos, one by one, with the control key."""
    for at in range(number):
        user.click(user.page.locator(TILES).nth(at), ["ControlOrMeta"])


def _choose_all(user: User) -> None:
    _choose(user, 1)
    user.press("Control+a")


def _asked(user: User, action: str, value: str) -> None:
    """An action of the bar for selected photos that asks for a text."""
    _button(user, action)
    user.type(value)
    user.press("Enter")


def _open(user: User) -> None:
    user.click(user.page.locator(TILES).first)
    user.page.get_by_role("dialog").locator(".stage img").wait_for()


def _tag_trip(user: User) -> bool:
    _choose_all(user)
    _asked(user, "Add tag", "trip/scotland")
    return _said(user, "tagged “trip/scotland”")


def _tag_many(user: User) -> bool:
    _choose_all(user)
    _asked(user, "Add tag", "samples")
    return _said(user, "1,000 photos tagged “samples”")


def _rate(user: User) -> bool:
    _open(user)
    user.press("4")
    return user.sees(lambda: user.page.locator(".star.lit").count() == 4)


def _favourite(user: User) -> bool:
    _open(user)
    user.press("f")
    return _said(user, "1 photo added to the favourites")


def _note(user: User) -> bool:
    _open(user)
    _button(user, "Tags, albums, note, remove")
    _button(user, "Write a note")
    user.type("ask Ann for the others")
    user.press("Control+Enter")
    return _said(user, "Note written on 1 photo")


def _album(user: User) -> bool:
    _choose(user, 4)
    _asked(user, "Add to album", BEST)
    return _said(user, f"Album “{BEST}” made with 4 photos")


def _arrange(user: User) -> None:
    user.click(user.page.get_by_role("checkbox", name=f"Choose {BEST}"))
    _button(user, "Put in order")
    user.click(user.page.get_by_role("option").first)


def _order(user: User) -> bool:
    _arrange(user)
    user.press("Shift+ArrowRight")
    return _said(user, f"Album “{BEST}” put in another order")


def _cover(user: User) -> bool:
    _arrange(user)
    user.press("ArrowRight")
    user.press("c")
    return _said(user, f"Another photo is the cover of album “{BEST}”")


def _look_at_album(user: User) -> bool:
    _button(user, re.compile(f"^Show {BEST}"))
    return user.sees(lambda: "sort:album" in (user.part("q") or "") and user.page.get_by_text("4 photos").count() > 0)


def _export(user: User) -> bool:
    _choose(user, 3)
    with tempfile.TemporaryDirectory(prefix="tasks-") as folder:
        target = Path(folder) / "three.zip"
        _button(user, "Export")
        user.click(user.page.get_by_label("New folder or ZIP on this computer"))
        user.press("Control+a")
        user.type(str(target))
        user.press("Tab")
        _button(user, "Write it")
        return user.sees(target.exists)


def _slides(user: User) -> bool:
    _open(user)
    title = user.page.get_by_role("dialog").locator(".title")
    first = title.inner_text()
    _button(user, re.compile("Slide show"))
    return user.sees(lambda: title.count() > 0 and title.inner_text() != first)


def _undo(user: User) -> bool:
    _choose(user, 5)
    _button(user, "Remove")
    return _said_and_undone(user, "5 photos put into the bin", "Undone: 5 photos put into the bin")


def _redo(user: User) -> bool:
    user.press("Control+Shift+z")
    return _said(user, "5 photos put into the bin")


def _restore(user: User) -> bool:
    user.click(user.page.get_by_role("checkbox", name="Select all on this page"))
    _button(user, "Take out of the bin")
    return _said(user, "taken out of the bin")


def _history(user: User) -> bool:
    """The last thing that was done is found there, and undone."""
    if not user.sees(lambda: user.page.locator(".history li").count() > 1):
        return False
    _button(user, "Undo")
    return user.sees(lambda: user.page.locator(".history del").count() > 0)


def _suggest(user: User, tag: str) -> bool:
    user.click(user.page.get_by_role("combobox", name="Photos that may want the tag"))
    user.type(tag)
    user.press("Enter")
    return user.sees(lambda: user.page.locator(".strip li").count() > 0)


def _accept(user: User) -> bool:
    if not _suggest(user, "dog"):
        return False
    user.press("y")
    return _said(user, "1 photo tagged “dog”")


def _refuse(user: User) -> bool:
    if not _suggest(user, "bird"):
        return False
    user.press("n")
    return _said(user, "“bird” refused for 1 photo")


def _rename(user: User) -> bool:
    user.click(user.page.get_by_role("checkbox", name="Choose samples"))
    _button(user, "Rename")
    user.click(user.page.get_by_role("textbox", name="New name"))
    user.press("Control+a")
    user.type("examples")
    user.press("Enter")
    return _said(user, "Tag “samples” renamed to “examples”")


def _merge(user: User) -> bool:
    for tag in ("loch", "water"):
        user.click(user.page.get_by_role("checkbox", name=f"Choose {tag}", exact=True))
    _button(user, "Merge into")
    user.click(user.page.get_by_role("combobox", name="Into the tag"))
    user.type("lake")
    user.press("Enter")
    _button(user, re.compile("^Merge$"))
    return _said(user, "merged into “lake”")


def _remove_folder(user: User) -> bool:
    """And have it back."""
    _button(user, re.compile("^Remove$"))
    _button(user, "Remove the folder")
    return _said_and_undone(user, "put into the bin", "Undone: Folder")


def _group(user: User) -> int:
    """How many groups of copies are still to be decided about."""
    heading = user.page.locator("h2.heading")
    heading.wait_for()
    return int(heading.inner_text().rsplit(" of ", 1)[1].replace(",", ""))


def _decide(user: User) -> bool:
    """The suggested copy of the first group is kept."""
    before = _group(user)
    user.press("1")
    return _said(user, "put into the bin") and user.sees(lambda: _group(user) == before - 1)


def _differ(user: User) -> bool:
    """Two photos are looked at side by side, are no copies, and that was a mistake."""
    user.press(" ")
    user.page.get_by_role("dialog").locator(".view img").first.wait_for()
    user.press("3")
    return _said_and_undone(user, "decided to be different pictures", "Undone: ")


def _decide_all(user: User) -> bool:
    _button(user, "Decide about many")
    _button(user, re.compile("^Decide about [0-9]+ groups?$"))
    return _said(user, "put into the bin, the best of each kept")


def _empty(user: User) -> bool:
    _button(user, "Empty the bin")
    _button(user, re.compile("^Forget "))
    return user.sees(lambda: user.page.get_by_text("The bin is empty").count() > 0)


def _in_library(query: str = "") -> str:
    return "/library" + (f"?q={query.replace(' ', '+').replace(chr(34), '%22')}" if query else "")


def _task(name: str, do: Callable[[User], bool], address: str) -> Task:
    return Task(name, do, address, TILES if address.startswith("/library") else CONTROLS)


TASKS = (
    _task("tag all photos of a trip", _tag_trip, _in_library(TRIP)),
    _task("select a thousand photos and tag them", _tag_many, _in_library(HALF)),
    _task("rate a photo", _rate, _in_library(TRIP)),
    _task("make a photo a favourite", _favourite, _in_library(TRIP)),
    _task("write a note", _note, _in_library(TRIP)),
    _task("make an album of some", _album, _in_library(TRIP)),
    _task("put the album in order", _order, "/collections"),
    _task("choose its cover", _cover, "/collections"),
    _task("look at the album", _look_at_album, "/collections"),
    _task("write three photos to a ZIP", _export, _in_library(TRIP)),
    _task("look at a slide show", _slides, _in_library(TRIP)),
    _task("remove photos by mistake, and undo it", _undo, _in_library(HALF)),
    _task("remove them after all", _redo, _in_library(HALF)),
    _task("take them out of the bin", _restore, "/bin"),
    _task("find in the history what was done last, and undo it", _history, "/history"),
    _task("accept what is suggested for a tag", _accept, "/collections"),
    _task("refuse what is suggested", _refuse, "/collections"),
    _task("rename a tag", _rename, "/collections"),
    _task("merge two tags", _merge, "/collections"),
    _task("remove a folder, and have it back", _remove_folder, "/upload"),
    _task("keep the better of two copies", _decide, "/duplicates"),
    _task("say by mistake that two are no copies, and undo it", _differ, "/duplicates"),
    _task("keep the best of all other copies", _decide_all, "/duplicates"),
    _task("empty the bin", _empty, "/bin"),
)
"""In this order: some go on with what one before has done. The history's undo puts the five back into the bin."""
