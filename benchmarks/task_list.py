"""Twenty things that a new user wants to do, each as somebody does it who knows only what the page shows."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.task_user import CELLS, User

FIRST = 8
"""Photos in which something that is found has to be."""


@dataclass(frozen=True)
class Task:
    """One thing to do. ``do`` does it and says whether what was wanted was seen."""

    name: str
    do: Callable[[User], bool]
    address: str = "/"
    """Where it begins."""
    ready: str = CELLS
    """What shows that the page is there."""


def _find(user: User) -> bool:
    user.search("a goldfish in water")
    return user.sees(lambda: any("goldfish" in name for name in user.names()[:FIRST]))


def _choose_folder(user: User) -> bool:
    user.choose("Folder", re.compile("library"))
    return user.sees(lambda: "in:" in (user.part("q") or "") and not any("goldfish" in n for n in user.names()))


def _type_folder(user: User) -> bool:
    user.words("boat in:sco")
    user.complete("library/2015 Scotland")
    user.press("Enter")
    return user.sees(lambda: bool(user.names()) and all(name.startswith("scotland") for name in user.names()))


def _camera(user: User) -> bool:
    user.choose("Camera", re.compile("NIKON D300S"))
    return user.sees(lambda: user.page.get_by_role("button", name="NIKON D300S").count() > 0 and bool(user.names()))


def _year(user: User) -> bool:
    user.choose("Year", re.compile("2015"))
    return user.sees(lambda: bool(user.names()) and all("2015" in name for name in user.names()))


def _tag(user: User) -> bool:
    user.words("tag:loc")
    user.complete("loch")
    user.press("Enter")
    return user.sees(lambda: bool(user.names()) and all(name.startswith("scotland") for name in user.names()))


def _without(user: User) -> bool:
    user.search("lake -boat")
    return user.sees(
        lambda: user.page.get_by_role("button", name="-boat", exact=True).count() > 0 and bool(user.names())
    )


def _take_away(user: User) -> bool:
    user.click(user.page.get_by_role("button", name="Take away -boat"))
    return user.sees(lambda: user.part("q") == "lake" and bool(user.names()))


def _newest_first(user: User) -> bool:
    user.choose("Order", "Newest first")
    return user.sees(lambda: user.part("q") == "lake sort:date" and bool(user.names()))


def _more(user: User) -> bool:
    user.click(user.page.get_by_role("button", name="Show more"))
    return user.sees(lambda: user.page.locator(CELLS).count() > 20)


def _closest(user: User) -> bool:
    user.search("quarterly report xqzvw")
    if not user.sees(lambda: user.page.get_by_text("Nothing fits").count() > 0):
        return False
    user.click(user.page.get_by_role("button", name="Show the closest"))
    return user.sees(lambda: user.page.get_by_text("Nothing fits well").count() > 0 and bool(user.names()))


def _look_through(user: User) -> bool:
    name = user.names()[1]
    user.click(user.page.locator(CELLS).first)
    user.press("ArrowRight")
    seen = user.sees(lambda: name in user.page.get_by_role("dialog").locator(".title").all_inner_texts())
    user.press("Escape")
    return seen and user.sees(lambda: user.page.get_by_role("dialog").count() == 0)


def _similar(user: User) -> bool:
    user.click(user.page.locator(CELLS).first)
    user.click(user.page.get_by_role("button", name="Find similar"))
    return user.sees(lambda: user.page.get_by_text("Photos that look like").count() > 0 and bool(user.names()))


def _back(user: User) -> bool:
    before = user.names()
    user.search("snow on mountains")
    user.back()
    return user.sees(lambda: user.part("q") == "lake" and user.names() == before)


def _share(user: User) -> bool:
    before, address = user.names(), user.page.url
    user.choose("It is", re.compile("portrait"))
    user.go(address.removeprefix(user.url))
    return user.sees(lambda: user.names() == before)


def _save(user: User) -> bool:
    user.click("Save")
    user.click(user.page.get_by_label("Name", exact=True))
    user.type("Lakes")
    user.press("Enter")
    return user.sees(lambda: user.page.get_by_role("button", name=re.compile("^Lakes")).count() > 0)


def _come_back(user: User) -> bool:
    user.click(user.page.get_by_role("button", name=re.compile("^Lakes")))
    return user.sees(lambda: user.part("q") == "lake" and bool(user.names()))


def _portraits(user: User) -> bool:
    user.choose("It is", re.compile("portrait"))
    return user.sees(lambda: "is:portrait" in (user.part("q") or "") and bool(user.names()))


def _by_name(user: User) -> bool:
    user.search("name:tench")
    return user.sees(lambda: bool(user.names()) and all("tench" in name for name in user.names()))


def _export(user: User) -> bool:
    with tempfile.TemporaryDirectory(prefix="tasks-") as folder:
        target = Path(folder) / "lakes.zip"
        user.click(user.page.get_by_role("button", name="Export"))
        user.click(user.page.get_by_label("New folder or ZIP on this computer"))
        user.press("Control+a")
        user.type(str(target))
        user.press("Tab")
        user.click(user.page.get_by_role("button", name="Write it"))
        return user.sees(target.exists)


TASKS = (
    Task("find a photo by what it shows", _find),
    Task("keep to one folder, with the mouse", _choose_folder, "/?q=water"),
    Task("keep to a folder in a folder, by typing", _type_folder),
    Task("keep to one camera", _camera, "/?q=water"),
    Task("keep to one year", _year, "/?q=water"),
    Task("find by a keyword that one half remembers", _tag),
    Task("leave out what one does not want", _without),
    Task("bring it back", _take_away, "/?q=lake+-boat"),
    Task("put the newest first", _newest_first, "/?q=lake"),
    Task("see more than the first twenty", _more, "/?q=sort:name"),
    Task("ask for what is not there, and see the closest", _closest),
    Task("look at a photo, and at the next", _look_through, "/?q=lake"),
    Task("find photos like one of these", _similar, "/?q=lake"),
    Task("ask something else, and go back", _back, "/?q=lake"),
    Task("go on, and come back by the link of before", _share, "/?q=lake"),
    Task("save a search", _save, "/?q=lake"),
    Task("ask a saved search another day", _come_back),
    Task("only portraits", _portraits, "/?q=flower"),
    Task("find a file by its name", _by_name),
    Task("write what was found to a ZIP", _export, "/?q=a+lake"),
)
