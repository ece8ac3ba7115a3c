"""What is done with photos on the pages: said in plain words, undone, and done again."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from src.database.catalog.operations import Operation
from src.models import label_bank, label_words
from src.runtime import Services
from src.schema.descriptions import Description
from src.services.curation.service import CurationService, Done
from src.services.library.uploads import as_params
from src.ui.curation import actions, arranged, bin_page, collections_page, panel, picker, suggested, told, words
from src.ui.photos import actions as selected
from tests.fakes import colour_picture
from tests.ui.conftest import button, gallery, goto, texts


@pytest.fixture
def ids(services: Services, photos: Path) -> list[str]:
    return services.catalog.listing.ids(None, "name")


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A session outside of a page."""
    import streamlit as st

    held: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", held)
    return held


def said(services: Services, asked: dict[str, Any]) -> str:
    actions.act(services, asked)
    last = told.last()
    assert last is not None
    return last.text


# ---------------------------------------------------------------- words

DONE: tuple[tuple[Callable[[CurationService, list[str]], Done], str], ...] = (
    (lambda of, ids: of.tag(ids, add=["trip", "sea"]), "12 photos tagged “trip”, “sea”"),
    (lambda of, ids: of.tag(ids[:1], remove=["sea"]), "“sea” taken off 1 photo"),
    (lambda of, ids: of.tag(ids[1:3], add=["hut"], remove=["sea"]), "2 photos tagged “hut”, without “sea” now"),
    (lambda of, ids: of.refuse_tag(ids[:2], "dog"), "“dog” refused for 2 photos"),
    (lambda of, ids: of.rename_tag("hut", "cabin"), "Tag “hut” renamed to “cabin”, on 2 photos"),
    (lambda of, ids: of.merge_tags(["cabin", "trip"], "tour"), "“cabin”, “trip” merged into “tour”, on 12 photos"),
    (lambda of, ids: of.rate(ids[:3], 4), "3 photos rated 4 stars"),
    (lambda of, ids: of.rate(ids[:1], 1), "1 photo rated 1 star"),
    (lambda of, ids: of.rate(ids[:1], 0), "1 photo rated no stars"),
    (lambda of, ids: of.rate(ids[:2], -1), "2 photos rejected"),
    (lambda of, ids: of.rate(ids[:2], None), "Own rating taken off 2 photos"),
    (lambda of, ids: of.favourite(ids[:2]), "2 photos added to the favourites"),
    (lambda of, ids: of.favourite(ids[:1], False), "1 photo taken out of the favourites"),
    (lambda of, ids: of.note(ids[:1], "ask Ann"), "Note written on 1 photo"),
    (lambda of, ids: of.note(ids[:1], ""), "Note taken off 1 photo"),
    (lambda of, ids: of.describe(ids[0], Description("A wall.")), "1 photo described in your own words"),
    (lambda of, ids: of.delete_description(ids[0]), "Description of 1 photo deleted"),
    (lambda of, ids: of.describe_again(ids[0]), "1 photo to be described again"),
    (lambda of, ids: of.create_album("Best", ids[:2]), "Album “Best” made with 2 photos"),
    (lambda of, ids: of.add_to_album(_best(of), ids[2:5]), "3 photos added to album “Best”"),
    (lambda of, ids: of.take_from_album(_best(of), ids[:1]), "1 photo taken out of album “Best”"),
    (lambda of, ids: of.reorder_album(_best(of), ids[4:1:-1]), "Album “Best” put in another order"),
    (lambda of, ids: of.choose_cover(_best(of), ids[4]), "Another photo is the cover of album “Best”"),
    (lambda of, ids: of.rename_album(_best(of), "Rest"), "Album “Best” renamed to “Rest”"),
    (lambda of, ids: of.delete_album(of.albums()[0].id), "Album “Rest” deleted, its photos kept"),
    (lambda of, ids: of.remove(ids[:2]), "2 photos put into the bin"),
    (lambda of, ids: of.restore(ids[:1]), "1 photo taken out of the bin"),
    (lambda of, ids: of.decide([ids[:2]], "same"), "2 photos decided to be the same picture"),
    (lambda of, ids: of.decide([ids[2:4]], "alternates"), "2 photos decided to be copies that are all wanted"),
    (lambda of, ids: of.decide([ids[4:7]], "different"), "3 photos decided to be different pictures"),
    (lambda of, ids: of.settle([ids[2:4]], "tag", "twin"), "1 copy tagged “twin”, the better one kept"),
    (lambda of, ids: of.settle([ids[4:7]], "album", "Twins"), "2 copies put into album “Twins”, the best of each kept"),
    (lambda of, ids: of.settle([ids[2:4]], "bin"), "1 copy put into the bin, the better one kept"),
    (lambda of, ids: of.clear(), "Library cleared: 10 photos put into the bin"),
)


def _best(of: CurationService) -> str:
    found = of.album_named("best")
    assert found
    return found


def test_every_kind_of_operation_is_told_in_plain_words(services: Services, ids: list[str]) -> None:
    (folder,) = [folder.text for folder in services.folders.all()]
    (lost,) = [place for place, *_ in services.catalog.paths_of(ids[5])]
    Path(os.fsdecode(lost)).unlink()
    services.catalog.files.lose([lost])
    list(services.handlers["forget"]({}))
    assert words.of(services.curation.history(1)[0]) == "1 photo whose files are gone put into the bin"
    services.curation.undo()
    list(services.handlers["remove"]({"path": folder}))
    assert words.of(services.curation.history(1)[0]) == f"Folder “{folder}” removed: 12 photos put into the bin"
    services.curation.undo()
    kinds = {"forget", "remove-folder"}
    for do, text in DONE:
        done = do(services.curation, ids)
        operation = services.curation.history(1)[0]
        assert done.number == operation.number
        assert words.of(operation) == text
        kinds.add(operation.kind)
    assert kinds == set(words.KINDS), "there is an example for each kind, and words for each that was done"


def test_an_operation_of_a_kind_that_is_not_known_is_told_too() -> None:
    assert words.of(Operation(1, "2026-01-01T00:00:00+00:00", "other", {"photos": 2})) == "2 photos changed"


# ---------------------------------------------------------------- suggestions, and the order of albums


def test_what_is_suggested_is_accepted_or_refused_and_back_after_an_undo(
    services: Services, ids: list[str], session: dict[str, Any]
) -> None:
    (one,) = suggested.still_open(services, "red")
    first = {"id": one.image_id, "yes": False, "number": 1}
    session[suggested.KEY] = SimpleNamespace(answers={"tag": "red", "answers": [first]})
    assert one.by == "words"
    suggested._answer(services)
    assert services.catalog.marks.refused("red") == {one.image_id} and not suggested.still_open(services, "red")
    services.curation.undo()
    suggested._answer(services)
    assert services.curation.history(1)[0].undone, "one that is sent again is heard once"
    assert suggested.still_open(services, "red") == [one]
    answers = [first, {**first, "yes": True, "number": 2}, {"id": ids[0], "yes": True, "number": 3}, 5]
    session[suggested.KEY] = SimpleNamespace(answers={"tag": "red", "answers": answers})
    suggested._answer(services)
    last = told.last()
    assert last is not None and last.text == "1 photo tagged “red”." and last.turn == "undo"
    assert services.catalog.marks.tagged("red") == [one.image_id], "what was not suggested is not answered"


def test_moves_in_an_album_are_heard_once_and_only_in_the_one_that_is_open(
    services: Services, ids: list[str], session: dict[str, Any]
) -> None:
    album = str(services.curation.create_album("Best", ids[:3]).album)
    move = {"id": ids[2], "before": ids[0], "number": 1}
    session[arranged.KEY] = SimpleNamespace(moves={"album": album, "moves": [move]})
    arranged._move(services)
    assert services.curation.album_photos(album) == ids[:3], "it is not being put in order"
    told.arrange(album)
    arranged._move(services)
    assert services.curation.album_photos(album) == [ids[2], ids[0], ids[1]]
    cover = {"id": ids[1], "cover": True, "number": 2}
    session[arranged.KEY] = SimpleNamespace(moves={"album": album, "moves": [move, cover]})
    arranged._move(services)
    assert services.curation.albums()[0].cover == ids[1] and len(services.curation.history()) == 3


# ---------------------------------------------------------------- actions


def test_an_action_is_done_said_undone_and_done_again(services: Services, ids: list[str], session: Any) -> None:
    assert said(services, {"name": "tag", "value": "trip", "ids": ids[:2]}) == "2 photos tagged “trip”."
    assert told.last().turn == "undo"  # type: ignore[union-attr]
    assert said(services, {"name": "undo"}) == "Undone: 2 photos tagged “trip”."
    assert told.last().turn == "redo" and not services.curation.tags()  # type: ignore[union-attr]
    assert said(services, {"name": "redo"}) == "2 photos tagged “trip”."
    assert [(tag.tag, tag.photos) for tag in services.curation.tags()] == [("trip", 2)]


def test_what_cant_be_done_is_said(services: Services, ids: list[str], session: Any) -> None:
    assert said(services, {"name": "undo"}).startswith("There is nothing to undo.")
    assert said(services, {"name": "tag", "value": " / ", "ids": ids}).startswith("A tag has a name.")
    assert said(services, {"name": "rate", "value": 9, "ids": ids}).startswith("9 is no rating.")
    assert said(services, {"name": "favourite", "value": False, "ids": ids}) == actions.NOTHING
    assert not services.curation.history()


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"name": "nothing", "ids": []},
        {"name": "rate", "value": "5", "ids": ["../x"]},
        {"name": "tag", "value": 5, "ids": None},
        {"name": "favourite", "value": [], "ids": 7},
    ],
)
def test_what_makes_no_sense_does_nothing(services: Services, session: Any, asked: dict[str, Any]) -> None:
    assert actions.act(services, asked) is None
    assert not services.curation.history() and told.last() is None


def test_photos_are_added_to_an_album_by_its_name_which_makes_it(
    services: Services, ids: list[str], session: Any
) -> None:
    assert said(services, {"name": "album", "value": "Best", "ids": ids[:1]}) == "Album “Best” made with 1 photo."
    assert said(services, {"name": "album", "value": "best ", "ids": ids[:3]}) == "2 photos added to album “Best”."
    assert said(services, {"name": "take-from-album", "value": "BEST", "ids": ids[:1]}).startswith("1 photo taken out")
    assert [(album.name, album.photos) for album in services.curation.albums()] == [("Best", 2)]


def test_an_action_that_wants_a_text_asks_for_it(services: Services, ids: list[str], session: Any) -> None:
    actions.act(services, {"name": "tag", "value": None, "ids": ids})
    assert told.asked() == told.Asked("tag", tuple(ids)) and session["dialog"] == "ask"


def test_what_a_gallery_offers(services: Services, ids: list[str], session: Any) -> None:
    offered = selected.offered(services)
    names = [action["name"] for action in offered]
    assert names == ["tag", "rate", "favourite", "note", "album", "similar", "export", "remove"]
    assert all(action["label"] for action in offered)
    actions.act(services, {"name": "tag", "value": "trip", "ids": ids})
    actions.act(services, {"name": "album", "value": "Best", "ids": ids})
    assert {"untag", "take-from-album"} <= {action["name"] for action in selected.offered(services)}


# ---------------------------------------------------------------- the dialog that asks


def asking(app: AppTest, action: str, ids: list[str], about: tuple[str, ...] = ()) -> AppTest:
    app.run()
    app.session_state["curation_asked"] = told.Asked(action, tuple(ids), about)
    app.session_state["dialog"] = "ask"
    app.run()
    assert not app.exception
    return app


def bar(app: AppTest) -> dict[str, str]:
    """What the bar at the foot of the page says."""
    found = next(element.proto for element in app.get("bidi_component") if element.proto.id.endswith("-undo-bar"))
    data: dict[str, str] = json.loads(found.json)
    return data


def test_the_dialog_asks_for_a_tag_and_the_page_says_what_was_done(
    app: AppTest, services: Services, ids: list[str]
) -> None:
    services.curation.tag(ids[:1], add=["trip/italy"])
    asking(app, "tag", ids[:3])
    app.selectbox(key="ask-tag-value").set_value("trip/italy")
    button(app, "Add").click().run()
    assert not app.exception and app.session_state["dialog"] is None
    assert [(tag.tag, tag.photos) for tag in services.curation.tags()] == [("trip", 3), ("trip/italy", 3)]
    assert (bar(app)["text"], bar(app)["turn"]) == ("2 photos tagged “trip/italy”.", "undo")


def test_what_the_dialog_cant_do_is_said_in_it(app: AppTest, services: Services, ids: list[str]) -> None:
    album = services.curation.create_album("Best", ids).album or ""
    services.curation.create_album("Rest")
    asking(app, "rename-album", [], (album,))
    (name,) = [box for box in app.text_input if box.label == "New name"]
    assert name.value == "Best"
    name.set_value("rest")
    button(app, "Rename").click().run()
    assert "There is an album “rest” already." in texts(app) and app.session_state["dialog"] == "ask"
    button(app, "Cancel").click().run()
    assert app.session_state["dialog"] is None and not app.exception


@pytest.mark.parametrize(
    ("action", "about", "value", "tags"),
    [("rename-tag", ("sea",), "beach", ["beach", "hut"]), ("merge-tags", ("sea",), "hut", ["hut"])],
)
def test_tags_are_renamed_and_merged(
    app: AppTest, services: Services, ids: list[str], action: str, about: tuple[str, ...], value: str, tags: list[str]
) -> None:
    services.curation.tag(ids, add=["sea", "hut"])
    asking(app, action, [], about)
    if action == "rename-tag":
        next(box for box in app.text_input if box.label == "New name").set_value(value)
    else:
        app.selectbox(key="ask-merge-tags-value").set_value(value)
    button(app, "Rename" if action == "rename-tag" else "Merge").click().run()
    assert [tag.tag for tag in services.curation.tags()] == tags


# ---------------------------------------------------------------- the open photo


def opened(app: AppTest, ids: list[str], at: int = 0) -> AppTest:
    app.run()
    app.session_state["dialog"], app.session_state["photo"], app.session_state["neighbours"] = "photo", ids[at], ids
    app.run()
    assert not app.exception
    return app


def panel_data(app: AppTest) -> dict[str, Any]:
    found = next(element.proto for element in app.get("bidi_component") if element.proto.id.endswith("-marks-panel"))
    data: dict[str, Any] = json.loads(found.json)
    return data


def test_the_open_photo_shows_what_is_said_of_it(app: AppTest, services: Services, ids: list[str]) -> None:
    curation = services.curation
    curation.tag(ids[:2], add=["trip/italy", "<b>"])
    curation.rate(ids[:1], 4)
    curation.favourite(ids[:1])
    curation.note(ids[:1], "ask Ann\nor Bob")
    curation.create_album("Best", ids[:1])
    data = panel_data(opened(app, ids))
    assert (data["rating"], data["favourite"], data["note"]) == (4, True, "ask Ann\nor Bob")
    assert [tag["value"] for tag in data["tags"]] == ["<b>", "trip/italy"]
    assert [album["name"] for album in data["albums"]] == ["Best"]
    assert data["known"] == {"tag": ["<b>", "trip", "trip/italy"], "album": ["Best"]}


@pytest.fixture
def red(services: Services, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The red picture, of which the model says that it looks like "red": it has a calibration and two words."""
    words = label_words.read("red\nblue\n")
    fitted = label_bank.Calibration(temperature=0.05, slope=0.5, constant=0.2, shown=0.6)
    monkeypatch.setattr(label_bank, "vocabulary", lambda: words)
    monkeypatch.setattr(label_bank, "calibration", lambda _: fitted)
    services.labels.get_ready()
    return [id_ for id_ in ids if services.catalog.shown([id_])[id_].name == "red.png"]


def test_the_open_photo_shows_what_the_model_suggests_as_its_guess(
    app: AppTest, services: Services, red: list[str]
) -> None:
    (label,) = panel.suggestions(services, red[0])
    shown = opened(app, red)
    assert panel_data(shown)["suggested"] == [{"name": "red", "chance": round(100 * label.chance)}]
    assert photo_facts(shown)["Suggested by the model"] == "Looks like: red."


def test_a_suggestion_is_accepted_or_refused_for_good(
    services: Services, red: list[str], session: dict[str, Any]
) -> None:
    heard(session, services, red, name="refuse-tag", value="red")
    assert panel.suggestions(services, red[0]) == () and "“red” refused" in str(told.last())
    actions.act(services, {"name": "undo"})
    heard(session, services, red, name="tag", value="red")
    assert services.catalog.facts.of(red[0])["keywords"] == ("red",) and panel.suggestions(services, red[0]) == ()


def photo_facts(app: AppTest) -> dict[str, str]:
    """What is told under the open photo."""
    found = (json.loads(element.proto.json) for element in app.get("bidi_component") if '"facts"' in element.proto.json)
    return dict(next(one["photo"]["facts"] for one in found))


def heard(session: dict[str, Any], services: Services, ids: list[str], **told_: Any) -> None:
    """What the open photo's panel told."""
    session["marks-panel"] = SimpleNamespace(act={"photo": ids[0], **told_})
    panel._act(services, ids[0])


def test_a_removed_photo_makes_room_for_the_next_and_is_back_where_it_was(
    services: Services, ids: list[str], session: dict[str, Any]
) -> None:
    session.update(dialog="photo", photo=ids[0], neighbours=list(ids))
    heard(session, services, ids, name="remove")
    assert session["photo"] == ids[1] and session["neighbours"] == ids[1:]
    assert services.curation.number_binned() == 1
    actions.act(services, {"name": "undo"})
    assert session["photo"] == ids[0] and session["neighbours"] == ids
    session.update(photo=ids[-1])
    session["marks-panel"] = SimpleNamespace(act={"photo": ids[-1], "name": "remove"})
    panel._act(services, ids[-1])
    assert session["photo"] == ids[-2]


def test_the_last_photo_of_a_gallery_closes_when_it_is_removed(
    services: Services, ids: list[str], session: dict[str, Any]
) -> None:
    session.update(dialog="photo", photo=ids[0], neighbours=ids[:1])
    heard(session, services, ids, name="remove")
    assert session["dialog"] is None


def test_what_another_photo_was_meant_by_changes_nothing(
    services: Services, ids: list[str], session: dict[str, Any]
) -> None:
    heard(session, services, ids, name="rate", value=5, photo=ids[1])
    heard(session, services, ids, name="undo")
    assert not services.curation.history() and told.last() is None
    heard(session, services, ids, name="rate", value=5)
    assert services.catalog.facts.of(ids[0])["rating"] == 5


# ---------------------------------------------------------------- bin, history, tags and albums


def picked(app: AppTest, key: str) -> list[dict[str, Any]]:
    found = [element.proto for element in app.get("bidi_component") if element.proto.id.endswith(f"-{key}")]
    items: list[dict[str, Any]] = json.loads(found[0].json)["items"] if found else []
    return items


def links_shown(app: AppTest) -> list[str]:
    return [element.proto.label for element in app.get("page_link")]


def test_the_bin_shows_what_was_removed_and_gives_it_back(app: AppTest, services: Services, ids: list[str]) -> None:
    assert "The bin is empty" in texts(goto(app.run(), "bin"))
    services.curation.remove(ids[:2])
    services.curation.remove(ids[2:3])
    app.run()
    assert "3 photos in the bin" in texts(app) and "Bin (3)" in links_shown(app)
    items = picked(app, "bin-photos")
    assert {item["id"] for item in items} == set(ids[:3])
    assert all(item["detail"] == "removed today, 30 days left" and item["src"] for item in items)
    button(app, "Take all 3 out").click().run()
    assert not app.exception and services.curation.number_binned() == 0
    assert (bar(app)["text"], bar(app)["turn"]) == ("3 photos taken out of the bin.", "undo")


def test_the_bin_has_pages(app: AppTest, services: Services, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bin_page, "PAGE", 5)
    services.curation.remove(ids)
    goto(app.run(), "bin")
    assert len(picked(app, "bin-photos")) == 5
    app.number_input(key="bin-page-of-3").set_value(3).run()
    last = picked(app, "bin-photos")
    assert len(last) == 2
    services.curation.restore([item["id"] for item in last])
    app.run()
    assert not app.exception and len(picked(app, "bin-photos")) == 5, "a page that is no more gives way to the first"


@pytest.mark.parametrize(
    ("binned_at", "text"),
    [
        ("2026-03-01T10:00:00+00:00", "removed 3 days ago, 27 days left"),
        ("2026-03-03T23:00:00", "removed today, 30 days left"),
        ("2026-03-03T10:00:00+00:00", "removed 1 day ago, 29 days left"),
        ("2025-03-03T10:00:00+00:00", "removed 366 days ago, 0 days left"),
        ("2026-04-03T10:00:00+00:00", "removed today, 30 days left"),
        ("some day", ""),
    ],
)
def test_since_when_a_photo_is_in_the_bin(binned_at: str, text: str) -> None:
    assert bin_page.since(binned_at, datetime(2026, 3, 4, 12, tzinfo=UTC)) == text


def test_emptying_the_bin_says_how_many_and_forgets_them(app: AppTest, services: Services, ids: list[str]) -> None:
    services.curation.remove(ids[:2])
    goto(app.run(), "bin")
    button(app, "Empty the bin").click().run()
    said = texts(app)
    assert "forgets 2 photos for good" in said and "can't be undone" in said and "uploaded" not in said
    button(app, "Keep them").click().run()
    assert services.curation.number_binned() == 2
    button(app, "Empty the bin").click().run()
    button(app, "Forget 2 photos").click().run()
    assert not app.exception
    job = next(job for job in services.jobs.latest(5) if job.kind == "empty")
    services.jobs.wait(job.id, 30)
    assert services.curation.number_binned() == 0 and not services.curation.can_undo()
    assert "The bin is empty" in texts(app.run())


def test_emptying_the_bin_says_which_copies_go_with_it(app: AppTest, services: Services, ids: list[str]) -> None:
    copy = services.uploads.save("mine.png", colour_bytes())
    services.jobs.wait(services.jobs.submit("index", "Adding", files=as_params([copy])), 30)
    (upload,) = services.catalog.files.uploads()
    services.curation.remove([ids[0], upload.image_id])
    goto(app.run(), "bin")
    button(app, "Empty the bin").click().run()
    said = "\n".join(str(warning.value) for warning in app.warning)
    assert "1 photo was uploaded: its copy in the library is deleted too." in said


def colour_bytes() -> bytes:
    target = io.BytesIO()
    colour_picture("red", (70, 40)).save(target, "PNG")
    return target.getvalue()


def test_the_history_lists_what_was_done_and_undone(app: AppTest, services: Services, ids: list[str]) -> None:
    assert "Nothing was done yet" in texts(goto(app.run(), "history"))
    services.curation.tag(ids[:2], add=["<b>x"])
    services.curation.rate(ids[:3], 5)
    app.run()
    lines = history(app)
    assert "3 photos rated 5 stars" in lines[0] and "2 photos tagged “&lt;b&gt;x”" in lines[1]
    assert button(app, "Redo").disabled and button(app, "Undo").help == "3 photos rated 5 stars"
    button(app, "Undo").click().run()
    assert "<del>3 photos rated 5 stars</del>" in history(app)[0]
    assert (bar(app)["text"], bar(app)["turn"]) == ("Undone: 3 photos rated 5 stars.", "redo")
    button(app, "Redo").click().run()
    assert "<del>" not in history(app)[0] and not app.exception


def history(app: AppTest) -> list[str]:
    (listed,) = [element.proto.body for element in app.get("html") if 'class="history"' in element.proto.body]
    return listed.split("<li>")[1:]


def test_tags_are_a_tree_with_counts_and_albums_have_covers(app: AppTest, services: Services, ids: list[str]) -> None:
    assert "No tags yet" in texts(goto(app.run(), "collections")) and "No albums yet" in texts(app)
    services.curation.tag(ids[:3], add=["trip/italy"])
    services.curation.tag(ids[2:4], add=["trip"])
    services.curation.create_album("Best", ids[1:3])
    app.run()
    assert [(one["id"], one["name"], one["level"], one["detail"]) for one in picked(app, "tags")] == [
        ("trip", "trip", 0, "4 photos"),
        ("trip/italy", "italy", 1, "3 photos"),
    ]
    (album,) = picked(app, "albums")
    assert (album["name"], album["detail"]) == ("Best", "2 photos") and album["src"].endswith(ids[1])


def test_a_deleted_tag_is_gone_from_photos_in_the_bin_too(
    services: Services, ids: list[str], monkeypatch: pytest.MonkeyPatch, session: dict[str, Any]
) -> None:
    services.curation.tag(ids[:3], add=["trip/italy", "sea"])
    services.curation.remove(ids[:1])
    acts: list[Callable[[str, list[str]], None]] = []
    monkeypatch.setattr(collections_page.picker, "show", lambda *args, **_: acts.append(args[4]))
    collections_page._show_tags(services)
    acts[0]("delete-tags", ["trip"])
    services.curation.restore(ids[:1])
    assert [tag.tag for tag in services.curation.tags()] == ["sea"]


def test_a_chosen_tag_or_album_is_searched_for(app: AppTest, services: Services, ids: list[str]) -> None:
    services.curation.create_album('The "best"', ids[:2])
    goto(app.run(), "collections")
    app.session_state["query"], app.session_state["collection_wanted"] = 'album:"The \\"best\\""', True
    app.run()
    assert not app.exception and len(gallery(app, "text-results")) == 2


def test_a_picker_passes_on_only_what_it_shows(session: dict[str, Any]) -> None:
    heard_: list[tuple[str, list[str]]] = []
    session["list"] = SimpleNamespace(act={"name": "x", "ids": ["a", "zzz", 3]}, open="zzz")
    picker._act("list", frozenset("ab"), lambda name, ids: heard_.append((name, list(ids))))
    picker._open("list", frozenset("ab"), lambda id_: heard_.append((id_, [])))
    assert heard_ == [("x", ["a"])]


def test_a_cleared_library_offers_to_undo_and_to_empty_the_bin(
    app: AppTest, services: Services, ids: list[str]
) -> None:
    button(app.run(), "Clear database").click().run()
    button(app, "Clear 12 photos").click().run()
    assert (bar(app)["text"], bar(app)["turn"]) == ("Library cleared: 12 photos put into the bin.", "undo")
    assert "12 photos in the bin" in texts(app) and button(app, "Empty the bin")
    button(app, "Undo the clearing").click().run()
    assert services.catalog.counts()[0] == 12 and services.folders.all()
    assert "No photos yet" not in texts(app)
