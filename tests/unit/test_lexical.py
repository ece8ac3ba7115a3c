"""The lexical index: what is written of photos, found by words, and kept right whatever changes."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
import unicodedata
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.bootstrap import build_services
from src.config import Settings
from src.database.catalog import browsing
from src.database.catalog import lexical as module
from src.database.catalog.catalog import Catalog, ImageRow
from src.database.catalog.facts import FactsRow
from src.database.catalog.files import FileRow
from src.database.catalog.lexical_tables import WORDS
from src.database.catalog.listing import terms as terms_of_order
from src.database.catalog.texts import TextRow
from src.errors import BadInput
from src.lexical import nearest, plain, quoted, terms, wishes, written
from src.runtime import Services
from src.schema import FileStamp, ImageFacts, PhotoFilter
from src.schema.conditions import Condition
from src.schema.facts import PhotoFacts
from src.schema.texts import TextLine
from src.services.exchange.backup import export_library
from src.services.exchange.restore import import_library
from src.services.search import names
from src.services.search.service import Query
from tests.conftest import fake_models
from tests.fakes import colour_picture

ROOT = "/media/photos"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    opened = Catalog(tmp_path / "catalog.sqlite3")
    yield opened
    opened.close()


def add(catalog: Catalog, path: str, image: int = 0) -> str:
    """A photo at a path below ``ROOT``; its id."""
    id_, place = str(uuid.uuid5(uuid.NAMESPACE_OID, str(image or path))), f"{ROOT}/{path}"
    row = ImageRow(id_, f"{uuid.UUID(id_).int:064x}", ImageFacts(4, 4, "JPEG", None), 9)
    stamp = FileStamp(1, 1, 1, 1, 1)
    file = FileRow(place.encode("utf-8", "surrogateescape"), place, place.rsplit("/", 1)[1], id_, stamp)
    catalog.commit_batch("none", [row], [file])
    return id_


def catch_up(catalog: Catalog) -> None:
    while catalog.lexical.catch_up():
        pass


def found(catalog: Catalog, text: str, only: PhotoFilter | None = None) -> set[str]:
    catch_up(catalog)
    phrase = text.startswith('"')
    return set(catalog.lexical.find(quoted(text) if phrase else wishes(text), (), only, 99) or ())


def is_right(catalog: Catalog) -> bool:
    catch_up(catalog)
    return catalog.lexical.waiting() == 0 == catalog.lexical.wrong() and catalog.lexical.is_sound()


# ---------------------------------------------------------------- letters


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Hauptstraße", "hauptstrasse"),
        ("Hauptstrasse", "HAUPTSTRAẞE"),
        ("notes on C++ and C#", "c++"),
        ("notes on C++ and C#", "C#"),
        ("C++11", "c++"),
        ("my 3D prints", "3d"),
        ("3-D", "3D"),
        ("我在北京大学", "北京"),
        ("我在北京大学", "京大"),
        ("我在北京大学", "学"),
        ("我在北京大学", "北京大学"),
        ("とうきょうタワー", "タワー"),
        ("ドキュメント", "ドキュメント"),
        ("서울특별시", "특별"),
        ("party 🥳 time", "🥳"),
        ("👨‍👩‍👧", "👧"),
        ("❤️", "❤"),
        ("wave 👋🏽", "👋"),
        ("🇩🇪", "🇩🇪"),
        ("ﬁne ｆｕｌｌ", "fine full"),
        ("Ångström café", "angstrom CAFÉ"),
        ("हिन्दी", "हिन्दी"),
        ("İstanbul", "istanbul"),
        ("tv", "TV"),
        ("x" * 9_990 + " last", "last"),
        ("word " * 2_000 + "end", "end"),
        ("Bernau", "ber*"),
        ("Köln", "köl*"),
        ("Rome", "paris|rome"),
        ("IMG_2041.jpg", "img_2041"),
    ],
)
def test_what_is_written_is_found_however_it_is_written(catalog: Catalog, said: str, asked: str) -> None:
    id_ = add(catalog, "one.jpg")
    add(catalog, "other.jpg")
    catalog.marks.note([id_], said)
    assert found(catalog, asked) == {id_}


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("c", "c++"),
        ("3 x d", "3D"),
        ("北海 京都", "北京"),
        ("new y york", '"new york"'),
        ("york new", '"new york"'),
        ("berlin", "ber"),
        ("bernau", "berlin|rome"),
        ("😀", "🥳"),
    ],
)
def test_what_is_not_written_is_not_found(catalog: Catalog, said: str, asked: str) -> None:
    catalog.marks.note([add(catalog, "one.jpg")], said)
    assert found(catalog, asked) == set()


def test_no_phrase_reaches_from_one_tag_into_the_next(catalog: Catalog) -> None:
    id_ = add(catalog, "one.jpg")
    catalog.marks.tag([id_], ["a new", "york city"])
    assert found(catalog, '"new york"') == set() and found(catalog, '"york city"') == {id_} == found(
        catalog, "new york"
    )


def test_words_that_weigh_more_come_first(catalog: Catalog) -> None:
    noted, named, tagged = (add(catalog, f"{name}.jpg") for name in ("one", "berlin", "three"))
    catalog.marks.note([noted], "berlin")
    catalog.marks.tag([tagged], ["berlin"])
    catch_up(catalog)
    assert catalog.lexical.find(wishes("berlin"), (), None, 9) == [tagged, named, noted]
    assert catalog.lexical.find(wishes("berlin"), (), None, 2) is None, "more than were asked for"
    assert catalog.lexical.find(wishes("berlin"), wishes("three"), None, 9) == [named, noted]
    only = PhotoFilter(where=(Condition(("note",), "note:ber", "contains", "ber"),))
    assert found(catalog, "berlin", only) == {noted}


TEXT = st.text(st.sampled_from("abßéÉ12 _-+#·😀🥳👨‍👩北京都大かが\u0301\u0300İıſ한국.,/|\"*'"), max_size=12)
ANY = st.text(max_size=8)


def _reference(columns: Sequence[Sequence[str]], asked: str) -> bool:
    """Whether all words of a text are written, straight from the rules: by looking through every column's terms."""
    streams = [written(texts).split() for texts in columns]

    def stands(phrase: Sequence[str], prefix: bool) -> bool:
        for stream in streams:
            for at in range(len(stream) - len(phrase) + 1):
                last, own = stream[at + len(phrase) - 1], phrase[-1]
                same = last.startswith(own) if prefix else last == own
                if same and stream[at : at + len(phrase) - 1] == list(phrase[:-1]):
                    return True
        return False

    return all(
        any(all(stands(phrase.terms, phrase.prefix) for phrase in some) for some in wish.alternatives)
        for wish in wishes(asked)
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(notes=st.lists(st.one_of(TEXT, ANY), min_size=1, max_size=4), asked=st.one_of(TEXT, ANY), part=st.integers(0, 9))
def test_it_finds_what_going_through_everything_finds(
    catalog: Catalog, notes: list[str], asked: str, part: int
) -> None:
    ids = [add(catalog, f"{number}.jpg") for number in range(4)]
    notes = [note.encode("utf-8", "replace").decode().replace("\0", "") for note in notes]
    catalog.marks.note(ids, "")
    for id_, note in zip(ids, notes, strict=False):
        catalog.marks.note([id_], note)
    for text in (asked, notes[0][part : part + 4]):
        if wishes(text):
            every = zip(ids, [*notes, *[""] * 4], strict=False)
            wanted = {
                id_
                for number, (id_, note) in enumerate(every)
                if _reference([[note], [f"{number}.jpg"], ["photos"], ["media photos"]], text)
            }
            assert found(catalog, text) == wanted
    assert is_right(catalog)


@given(st.text(max_size=30))
def test_what_is_written_is_what_was_asked_for_whatever_it_is(text: str) -> None:
    assert terms(plain(text)) == terms(text) and all(not re.search(r'[\s"]', term) for term in terms(text))
    assert all(unicodedata.is_normalized("NFC", term) for term in terms(text))
    wishes(text), quoted(text)


def test_words_nearly_like_another() -> None:
    known = ["eastbourne", "paris", "peers", "house", "houses", "strawberry"]
    assert nearest("eastborne", known, 9) == ["eastbourne"] and nearest("pairs", known, 9) == ["paris"]
    assert nearest("hous", known, 9) == ["house", "houses"], "what goes on after it comes last"
    assert nearest("strwaberyr", known, 9) == ["strawberry"] and nearest("horsse", known, 9) == []
    assert nearest("xyzw", [], 9) == []


# ---------------------------------------------------------------- kept right


def test_it_is_right_after_every_change(catalog: Catalog) -> None:
    first, second = add(catalog, "trip/one.jpg"), add(catalog, "trip/two.jpg")
    assert found(catalog, "one trip") == {first}
    catalog.marks.tag([first], ["Rome/Forum"])
    catalog.marks.tag([second], ["other"])
    catalog.marks.note([second], "zorro")
    album = catalog.albums.create("Summer", [first, second])
    assert album and found(catalog, "summer") == {first, second} and found(catalog, "rome forum") == {first}
    catalog.marks.rename("rename-tag", ["rome", "other"], "Paris")
    assert found(catalog, "rome") == set() and found(catalog, "paris") == {first, second}
    catalog.operations.undo()
    assert found(catalog, "paris") == set() and found(catalog, "rome") == {first}
    told = PhotoFacts(title="The vows", caption="kissing", place=("Montmartre",), camera_model="D750", keywords=("Kw",))
    catalog.facts.put("r", [FactsRow(second, told, None, "")])
    for text in ("vows", "kissing", "montmartre", "d750", "kw", "zorro"):
        assert found(catalog, text) == {second}
    catalog.facts.put("r", [FactsRow(second, PhotoFacts(taken_at="2017-05-31T10:00:00"), None, "")])
    assert found(catalog, "vows") == set() == found(catalog, "kw")
    assert found(catalog, "2017") == found(catalog, "2017-05") == found(catalog, "20170531") == {second}
    catalog.bin.remove([second])
    assert found(catalog, "zorro") == set()
    catalog.operations.undo()
    assert found(catalog, "zorro") == {second}
    catalog.files.lose([f"{ROOT}/trip/two.jpg".encode()])
    assert found(catalog, "zorro") == set()
    add(catalog, "moved/three.jpg", 0)
    assert is_right(catalog)
    catalog.forget([first])
    assert found(catalog, "rome") == set() and is_right(catalog)
    catalog.clear_images()
    assert found(catalog, "three") == set() and is_right(catalog)


def test_words_that_were_read_in_a_picture_are_found(catalog: Catalog) -> None:
    first, second = add(catalog, "one.jpg"), add(catalog, "two.jpg")
    corners = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))
    line = TextLine("Bäckerei MÜLLER", corners, 0.9)
    catalog.texts.put("r", [TextRow(first, b"1", (line,)), TextRow(second, b"2", ())])
    assert found(catalog, "bäckerei müller") == {first} and is_right(catalog)
    catalog.texts.put("r", [TextRow(first, b"1", ())])
    assert found(catalog, "müller") == set() and is_right(catalog)


def test_one_statement_may_be_about_many_photos_that_wait(catalog: Catalog) -> None:
    ids = {add(catalog, f"trip/{number}.jpg") for number in range(5)}
    place = (ROOT.encode(), ROOT)
    with sqlite3.connect(catalog.path) as db:
        db.execute("INSERT INTO folders (path, path_text, watched) VALUES (?, ?, 1)", place)
        db.execute("DELETE FROM folders")
        db.execute("UPDATE files SET path_text = path_text || 'x', name = 'zorro.jpg'")
        db.execute("INSERT INTO folders (path, path_text, watched) VALUES (?, ?, 1)", place)
    db.close()
    catalog.albums.create("Summer", list(ids))
    with sqlite3.connect(catalog.path) as db:
        db.execute("UPDATE albums SET name = 'Winter'")
    db.close()
    assert catalog.lexical.waiting() == 5 and found(catalog, "zorro winter trip") == ids and is_right(catalog)
    assert catalog.files.lose_folder(ROOT.encode()) == 5 and found(catalog, "zorro") == set() and is_right(catalog)


def test_renamed_and_copied_files_are_found_by_the_names_that_are_there(catalog: Catalog) -> None:
    id_ = add(catalog, "old.jpg", 7)
    assert add(catalog, "sub/new.jpg", 7) == id_ and found(catalog, "old") == {id_} == found(catalog, "sub new")
    catalog.files.lose([f"{ROOT}/old.jpg".encode()])
    assert found(catalog, "old") == set() and found(catalog, "new") == {id_} and is_right(catalog)


def test_what_lies_above_the_followed_folders_tells_nothing(catalog: Catalog) -> None:
    id_ = add(catalog, "trip/one.jpg")
    assert found(catalog, "media") == {id_}
    with sqlite3.connect(catalog.path) as db:
        db.execute("INSERT INTO folders (path, path_text, watched) VALUES (?, ?, 1)", (ROOT.encode(), ROOT))
    db.close()
    assert catalog.lexical.waiting() == 1, "another program has changed something"
    assert found(catalog, "media") == set() and found(catalog, "photos trip") == {id_} and is_right(catalog)


MOVES = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 3), st.sampled_from(["anna", "Rom/x", "日本"])), max_size=12
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_whatever_is_done_it_is_right(catalog: Catalog, moves: list[tuple[int, int, str]]) -> None:
    for what, number, text in moves:
        id_ = add(catalog, f"{number}.jpg", number + 1)
        match what:
            case 0:
                catalog.marks.tag([id_], [text])
            case 1:
                catalog.marks.tag([id_], (), [text])
            case 2:
                catalog.marks.note([id_], text)
            case 3:
                catalog.files.lose([f"{ROOT}/{number}.jpg".encode()])
            case 4:
                catalog.bin.remove([id_])
            case 5:
                with contextlib.suppress(BadInput):  # there may be nothing to undo
                    catalog.operations.undo()
            case 6:
                catalog.facts.put("r", [FactsRow(id_, PhotoFacts(title=text, keywords=(text,)), None, "")])
            case 7:
                add(catalog, f"{text}.jpg", number + 1)
            case 8:
                catalog.forget([id_])
        assert catalog.lexical.wrong() == 0, "what is wrong is known to wait"
        if number % 2:
            catalog.lexical.catch_up()
            assert catalog.lexical.wrong() == 0 == catalog.lexical.waiting()
    catch_up(catalog)
    assert catalog.lexical.wrong() == 0 and catalog.lexical.is_sound()


def test_what_was_changed_last_is_brought_up_to_date_first(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [add(catalog, f"{number}.jpg") for number in range(6)]
    catch_up(catalog)
    catalog.marks.note(ids, "zorro")
    catalog.marks.note(ids[:1], "zorro rides")
    assert catalog.lexical.catch_up(1) and catalog.lexical.find(wishes("zorro"), (), None, 9) == ids[:1]
    monkeypatch.setattr(module, "AT_ONCE", 2)
    assert catalog.lexical.catch_up(4) and catalog.lexical.waiting() == 1
    assert not catalog.lexical.catch_up() and found(catalog, "zorro") == set(ids) and is_right(catalog)


def test_nothing_waits_for_long_while_another_program_writes(catalog: Catalog) -> None:
    add(catalog, "one.jpg")
    with sqlite3.connect(catalog.path) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        assert not catalog.lexical.catch_up() and catalog.lexical.waiting() == 1
        assert time.monotonic() - started < 5
    other.close()
    assert is_right(catalog)


def test_a_transaction_that_fails_leaves_it_as_it_was(catalog: Catalog) -> None:
    id_ = add(catalog, "one.jpg")
    with pytest.raises(ZeroDivisionError), catalog._file.writing() as db:
        db.exec_driver_sql("UPDATE files SET name = 'two.jpg'")
        raise ZeroDivisionError
    assert found(catalog, "one") == {id_} and is_right(catalog)


def test_a_catalogue_of_an_earlier_version_is_read_in_the_background(tmp_path: Path) -> None:
    old = Catalog(tmp_path / "catalog.sqlite3")
    ids = {add(old, f"{number}.jpg") for number in range(5)}
    with sqlite3.connect(old.path) as db:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'lexical%'"
        ).fetchall():
            db.execute(f"DROP TRIGGER {name}")
        for table in ("lexical_index", "lexical", "lexical_due", "lexical_terms"):
            db.execute(f"DROP TABLE {table}")
        db.execute("PRAGMA user_version = 8")
    db.close()
    old.close()
    new = Catalog(tmp_path / "catalog.sqlite3")
    assert new.lexical.waiting() == 5 and new.lexical.find(wishes("photos"), (), None, 9) == []
    assert new.lexical.catch_up(3) and not new.lexical.catch_up(3)
    assert found(new, "photos") == ids and is_right(new)
    new.close()


@pytest.mark.parametrize("damage", ["id > 1", "id > 100"])
def test_a_damaged_index_stops_no_change_and_is_made_anew(catalog: Catalog, damage: str) -> None:
    id_ = add(catalog, "one.jpg")
    catch_up(catalog)
    with sqlite3.connect(catalog.path) as db:
        db.execute(f"UPDATE lexical_index_data SET block = x'00' WHERE {damage}")
    db.close()
    assert not catalog.lexical.is_sound() or damage == "id > 1"
    catalog.marks.note([id_], "zorro")
    assert catalog.facts.of(id_)["note"] == "zorro"
    for _ in range(3):
        catalog.lexical.find(wishes("one"), (), None, 9)
        catch_up(catalog)
    assert found(catalog, "zorro one") == {id_} and is_right(catalog)


def test_lists_by_name_are_the_same_by_the_kept_names(catalog: Catalog) -> None:
    named = {name: add(catalog, f"{name}.jpg", number) for number, name in enumerate(("b", "A", "é", "Z", "a"), 1)}
    add(catalog, "0.jpg", 1)
    orders = ("name", "-name")
    kept = [catalog.listing.ids(None, order) for order in orders]
    with sqlite3.connect(catalog.path) as db:
        db.execute("INSERT INTO lexical_due (image_id) VALUES ('none')")
    db.close()
    assert [catalog.listing.ids(None, order) for order in orders] == kept
    assert kept[0][0] == named["b"] and set(kept[0]) == set(named.values()) == set(kept[1])
    only = PhotoFilter(where=(Condition(("name",), "name:a", "contains", "a"),))
    by_scan = catalog.listing.ids(only, "name")
    assert not catalog.lexical.catch_up() and catalog.listing.ids(only, "name", 1) == by_scan[:1]


@pytest.mark.parametrize("order", ["name", "-name"])
def test_the_library_by_name_is_listed_by_the_kept_names_as_it_is_without_them(
    catalog: Catalog, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["b", "A", "é", "Z", "a", "ß", "10", "9", "İ", "a", "日本", "😀"]
    ids = [add(catalog, f"{name}-{number}.jpg", number) for number, name in enumerate(names, 1)]
    for number, id_ in enumerate(ids, 1):
        add(catalog, f"{'0z'[number % 2]}{number % 3}.jpg", number)  # another file of the same photo
        if number % 5 == 0:
            catalog.bin.remove([id_])
    some = PhotoFilter(where=(Condition(("name",), "name:1", "contains", "1"),))
    catch_up(catalog)
    asked: list[str] = []
    monkeypatch.setattr(browsing, "terms", lambda *args: asked.append(args[0]) or terms_of_order(*args))
    by_kept = [catalog.browsing.photos(only, order) for only in (None, some)]
    assert not asked, "what every list is sorted by was looked up for each photo"
    assert [row.id for row in by_kept[0]] == catalog.listing.ids(None, order)
    with sqlite3.connect(catalog.path) as other:
        other.execute("INSERT INTO lexical_due (image_id) VALUES ('none')")
    other.close()
    assert [catalog.browsing.photos(only, order) for only in (None, some)] == by_kept and asked
    assert len(by_kept[0]) == len(set(ids)) - 2 and 0 < len(by_kept[1]) < len(by_kept[0])


# ---------------------------------------------------------------- in a library


@pytest.fixture
def library(services: Services, tmp_path: Path) -> Services:
    for place, colour in (("Eastbourne/IMG_1.jpg", "red"), ("Eastbourne/pier.jpg", "blue"), ("other/dog.jpg", "green")):
        path = tmp_path / "photos" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        colour_picture(colour, (40, 40)).save(path)
    list(services.handlers["index"]({"paths": [str(tmp_path / "photos")]}))
    return services


def test_what_is_called_nearly_so_is_found_where_nothing_else_is(library: Services) -> None:
    page = library.search.search(Query("eastborne"), 9)
    near = [hit.name for hit in page.hits if hit.named]
    assert set(near) == {"IMG_1.jpg", "pier.jpg"} and page.verdict == "match"
    assert all(hit.band == "weak" for hit in page.hits)
    assert [notice.code for notice in page.notices] == ["near-names"] and "“eastbourne”" in str(page.notice)
    assert not library.search.search(Query("eastbourne"), 9).notices
    library.curation.tag([hit.id for hit in page.hits][:1], ["reds"])
    assert not any(hit.named for hit in library.search.search(Query("red"), 9).hits), "a photo shows that"
    assert [notice.code for notice in library.search.search(Query("7"), 9).notices] == ["short-word"]


def test_what_is_not_wanted_is_no_name_either(library: Services) -> None:
    page = library.search.search(Query("eastbourne -pier"), 9)
    assert [hit.name for hit in page.hits if hit.named] == ["IMG_1.jpg"]


def test_photos_that_wait_are_told_of(library: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    library.catalog.lexical.start_over()
    monkeypatch.setattr(names, "CATCH_UP", 1)
    first = library.search.search(Query("eastbourne"), 9)
    assert [notice.code for notice in first.notices] == ["names-late"] and "2 photos" in str(first.notice)
    library.search.search(Query("eastbourne"), 9)
    last = library.search.search(Query("eastbourne"), 9)
    assert not last.notices and sum(hit.named for hit in last.hits) == 2


def test_the_app_catches_up_by_itself(library: Services) -> None:
    library.catalog.lexical.start_over()
    library.start()
    until = time.monotonic() + 20
    while library.catalog.lexical.waiting() and time.monotonic() < until:
        time.sleep(0.05)
    assert library.catalog.lexical.wrong() == 0 == library.catalog.lexical.waiting()


def test_the_doctor_finds_and_mends_what_is_wrong(library: Services) -> None:
    catch_up(library.catalog)
    with sqlite3.connect(library.settings.catalog_file) as db:
        db.execute("UPDATE lexical SET name = 'xyz' WHERE number = 1")
    db.close()
    for repair, left in ((False, 1), (True, 0)):
        said = [
            event for event in library.handlers["doctor"]({"repair": repair}) if getattr(event, "check", "") == "words"
        ]
        assert len(said) == 1 and library.catalog.lexical.wrong() == left
    assert library.catalog.lexical.is_sound() and library.catalog.lexical.waiting() == 0


def test_a_backup_brings_no_index_along_and_all_is_found(library: Services, tmp_path: Path) -> None:
    archive = tmp_path / "backup.zip"
    list(export_library(library.settings, library.catalog, archive))
    target = Settings(home=tmp_path / "target")
    list(import_library(target, archive))
    restored = build_services(target, models=fake_models(target))
    assert restored.catalog.lexical.waiting() == 3
    assert sum(hit.named for hit in restored.search.search(Query("eastbourne"), 9).hits) == 2
    assert is_right(restored.catalog)
    restored.close()


def test_every_column_has_a_weight() -> None:
    assert max(WORDS, key=WORDS.__getitem__) == "tags" and all(weight > 0 for weight in WORDS.values())
