"""The server for assistants as the official client sees it, in memory: what its tools tell, what they keep to
themselves, and that none of them changes anything.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ImageContent, ResourceLink, TextContent
from PIL import ExifTags, Image

from src import errors
from src.assistant.answers import Told
from src.assistant.library import SharedLibrary
from src.assistant.server import PhotoServer
from src.bootstrap import build_services
from src.cli.arguments import main
from src.config import Settings
from src.models.model_manager import Loaded, ModelManager
from src.runtime import Services
from tests.conftest import cleared, fake_models, make_photo
from tests.fakes import COLOURS, colour_picture

JFIF = {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
HOSTILE = os.fsdecode("yel\n\u202elow".encode() + b"\xff.jpg")
"""A name with a line's end, a mark that turns text round, and a byte that is no text."""
TOOLS = {"search", "show", "similar", "facts"}


@dataclass
class Session:
    """The official client, on a server that stays open."""

    client: Client
    portal: BlockingPortal
    shared: SharedLibrary

    def ask(self, tool: str, **arguments: Any) -> CallToolResult:
        return self.portal.call(self.client.call_tool, tool, arguments)

    def rows(self, tool: str, **arguments: Any) -> list[dict[str, Any]]:
        return list(self.ask(tool, **arguments).structured_content["results"])

    def read(self, uri: str) -> Any:
        return self.portal.call(self.client.read_resource, uri).contents[0]


@dataclass
class Library(Session):
    """A library that a running program owns, and an assistant beside it."""

    settings: Settings
    owner: Services
    photos: Path

    def id(self, name: str) -> str:
        return next(hit.id for hit in self.owner.library.newest(50) if hit.name == name)


@contextmanager
def session(
    settings: Settings,
    told: Told = Told(),  # noqa: B008
    models: list[ModelManager] | None = None,
    make: Callable[[Settings], ModelManager] = fake_models,
) -> Iterator[Session]:
    """models: those that were made, by ``make``, are put there."""

    def opener(held: ModelManager | None) -> Services:
        made = held or make(settings)
        if models is not None and not held:
            models.append(made)
        return build_services(settings, read_only=True, models=made)

    shared = SharedLibrary(settings, opener)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(PhotoServer(shared, told))) as client,
    ):
        yield Session(client, portal, shared)


def text_of(answer: CallToolResult) -> str:
    return "\n".join(block.text for block in answer.content if isinstance(block, TextContent))


def add(services: Services, *paths: Path) -> None:
    list(services.handlers["index"]({"paths": [str(path) for path in paths]}))
    list(services.facts.read_all())
    while services.catalog.lexical.catch_up():
        pass


def located(path: Path) -> Path:
    """A red photo on its side, with a date, a position, a camera, a comment and an XMP packet in its file."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = 6, "Nikon"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2019:05:31 12:00:00"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2), 5: b"\0", 6: 35.0}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    colour_picture("red", (1200, 800)).save(path, exif=exif, comment=b"SECRET", xmp=b"<x>SECRET</x>")
    return path


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    folder = tmp_path_factory.mktemp("assistant")
    settings, photos = Settings(home=folder / "library"), folder / "hidden holiday"
    located(photos / "red.jpg")
    for name, colour in {"green.jpg": "green", "blue.jpg": "blue", HOSTILE: "yellow"}.items():
        make_photo(photos / "tame.jpg", COLOURS[colour], (160, 120)).rename(photos / name)
    owner = build_services(settings, models=fake_models(settings))
    add(owner, photos)
    with session(settings) as held:
        yield Library(**vars(held), settings=settings, owner=owner, photos=photos)
    owner.close()


@pytest.fixture
def own_library(settings: Settings, services: Services, photos: Path) -> Iterator[Library]:
    """One that a test may change."""
    add(services, photos)
    with session(settings) as held:
        yield Library(**vars(held), settings=settings, owner=services, photos=photos)


# ---------------------------------------------------------------- what is offered


def test_four_tools_are_offered_that_only_read(library: Library) -> None:
    tools = {tool.name: tool for tool in library.portal.call(library.client.list_tools).tools}
    assert set(tools) == TOOLS
    for tool in tools.values():
        said = tool.annotations
        assert said and said.read_only_hint and not said.destructive_hint and not said.open_world_hint
        assert tool.description and "\n" not in tool.description
    search = tools["search"].input_schema["properties"]
    assert set(search) == {"query", "filters", "top_k", "in"} and search["top_k"]["maximum"] == 20
    shown = tools["show"].input_schema["properties"]
    assert (shown["ids"]["maxItems"], shown["size"]["maximum"], shown["size"]["default"]) == (8, 512, 512)
    assert "results" in (tools["search"].output_schema or {})["properties"]
    assert "maker of this assistant" in (library.client.instructions or "")
    templates = library.portal.call(library.client.list_resource_templates).resource_templates
    assert [one.uri_template for one in templates] == ["photo://{image_id}/thumb"]


def test_a_search_gives_rows_words_and_links(library: Library) -> None:
    answer = library.ask("search", query="red", top_k=2)
    first = answer.structured_content["results"][0]
    assert first == {
        "id": library.id("red.jpg"), "name": "red.jpg", "date": "2019-05-31", "band": "strong",
        "percent": first["percent"], "why": first["why"], "box": None,
    }  # fmt: skip
    assert first["percent"] >= 80 and len(answer.structured_content["results"]) <= 2
    assert "red.jpg · 2019-05-31 · " in text_of(answer) and first["id"] in text_of(answer)
    links = [block for block in answer.content if isinstance(block, ResourceLink)]
    assert links[0].uri == f"photo://{first['id']}/thumb" and links[0].mime_type == "image/jpeg"


def test_where_nothing_fits_that_is_what_is_said(library: Library) -> None:
    answer = library.ask("search", query="zebra crossing at night")
    found = answer.structured_content
    assert found["verdict"] == "nothing" and len(found["results"]) <= 3
    assert text_of(answer).startswith("Nothing in the library fits “zebra crossing at night”.")
    none = library.ask("search", query="red", filters=["camera=canon"])
    assert none.structured_content["verdict"] == "empty" and "No photo passes the filters" in text_of(none)


def test_filters_alone_list_what_passes_and_say_nothing_of_chances(library: Library) -> None:
    answer = library.ask("search", filters=["camera=nikon"])
    row = answer.structured_content["results"][0]
    assert (row["name"], row["band"], row["percent"]) == ("red.jpg", None, None)
    assert text_of(answer).startswith("1 photo passes the filters; 1 of them:")
    assert [row["name"] for row in library.rows("search", query="camera:nikon")] == ["red.jpg"]


def test_objects_can_be_searched_and_it_is_said_where_there_are_none(library: Library) -> None:
    answer = library.ask("search", query="red", **{"in": "objects"})
    assert answer.structured_content["verdict"] == "empty" and "No objects are indexed yet." in text_of(answer)


def test_similar_photos_leave_the_photo_itself_out(library: Library) -> None:
    rows = library.rows("similar", id=library.id("red.jpg"), top_k=20)
    assert rows and library.id("red.jpg") not in {row["id"] for row in rows}


def test_a_shown_photo_is_small_upright_and_tells_nothing_of_its_file(library: Library) -> None:
    answer = library.ask("show", ids=[library.id("red.jpg"), library.id("blue.jpg"), "gone"])
    pictures = [block for block in answer.content if isinstance(block, ImageContent)]
    assert len(pictures) == 2 and {one.mime_type for one in pictures} == {"image/jpeg"}
    assert answer.structured_content is None, "some assistants show nothing else where there is any"
    data = base64_of(pictures[0])
    with Image.open(BytesIO(data)) as picture:
        assert picture.size == (341, 512) and not picture.getexif() and set(picture.info) <= JFIF
    assert b"SECRET" not in data and b"Nikon" not in data and b"Exif" not in data
    assert "red.jpg (id " in text_of(answer) and "no photo with the id “gone”" in text_of(answer)
    small = library.ask("show", ids=[library.id("red.jpg")], size=64)
    with Image.open(BytesIO(base64_of(next(b for b in small.content if isinstance(b, ImageContent))))) as picture:
        assert picture.size == (43, 64)


def base64_of(block: ImageContent) -> bytes:
    return b64decode(block.data, validate=True)


def test_a_link_leads_to_a_small_picture(library: Library) -> None:
    small = library.read(f"photo://{library.id('red.jpg')}/thumb")
    assert small.mime_type == "image/jpeg" and small.blob
    for other in ("photo://nobody/thumb", "photo://..%2f..%2fetc/thumb", "file:///etc/passwd"):
        with pytest.raises(MCPError):
            library.read(other)


def test_facts_are_told_with_names_of_places_but_neither_path_nor_position(library: Library) -> None:
    answer = library.ask("facts", id=library.id("red.jpg"))
    told = answer.structured_content
    assert told["taken_at"] == "2019-05-31T12:00:00" and told["camera_make"] == "Nikon" and "Paris" in told["place"]
    assert (told["width"], told["height"]) == (800, 1200), "as it is looked at"
    assert "Camera make: Nikon" in text_of(answer) and not {"latitude", "longitude", "altitude", "paths"} & set(told)
    assert "48." not in answer.model_dump_json()
    with session(library.settings, Told(paths=True, coordinates=True)) as open_:
        told = open_.ask("facts", id=library.id("red.jpg")).structured_content
    assert told["paths"] == [str(library.photos / "red.jpg")] and round(told["latitude"], 2) == 48.86


def test_what_the_user_says_of_a_photo_is_told(own_library: Library) -> None:
    one = own_library.id("red.jpg")
    own_library.owner.curation.tag([one], ["trip/italy"])
    own_library.owner.curation.rate([one], 4)
    own_library.owner.curation.note([one], "ask Anna\nabout it")
    answer = own_library.ask("facts", id=f"photo://{one.upper()}/thumb")
    told = answer.structured_content
    assert (told["keywords"], told["rating"], told["note"]) == (["trip/italy"], 4, "ask Anna\nabout it")
    assert "Note: ask Anna / about it" in text_of(answer) and "Rating: 4 of 5" in text_of(answer)


def test_no_answer_tells_where_anything_is(library: Library) -> None:
    one = library.id("red.jpg")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("search", {"query": "red"}), ("search", {"query": "holiday"}), ("search", {"query": "in:nowhere"}),
        ("similar", {"id": one}), ("facts", {"id": one}), ("show", {"ids": [one]}), ("show", {"ids": ["x"]}),
    ]  # fmt: skip
    said = [library.ask(tool, **arguments).model_dump_json() for tool, arguments in calls]
    assert '"Its folder"' in said[1], "found by its folder, which is not named"
    assert not [text for text in said if str(library.photos.parent) in text or "hidden holiday" in text]
    for asked in ("in:hid*", "red -in:hid*", '"in":x in:"hid*"'):  # a letter at a time would find a path out
        answer = library.ask("search", query=asked)
        assert answer.is_error and "does not tell in which folders" in text_of(answer)
    with session(library.settings, Told(paths=True)) as open_:
        assert open_.rows("search", query="in:hid*")
    assert library.shared.without_places(f"{library.settings.home}/data is full") == "…/data is full"


def test_hostile_names_are_told_as_harmless_text(library: Library) -> None:
    found = library.ask("search", query="yellow")
    row = found.structured_content["results"][0]
    assert row["name"].startswith("yel\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}low"), ascii(row["name"])
    line = next(line for line in text_of(found).splitlines() if row["id"] in line)
    assert line.startswith("- yel") and "\u202e" not in text_of(found)
    with session(library.settings, Told(paths=True)) as open_:
        told = open_.ask("facts", id=row["id"])
        assert not told.is_error and "\u202e" not in told.model_dump_json() + text_of(told)
        shown = open_.ask("show", ids=[row["id"]])
        assert len(shown.content) == 2 and "\n" not in text_of(shown)


# ---------------------------------------------------------------- bad input

BAD: list[tuple[str, dict[str, Any]]] = [
    ("search", {}),
    ("search", {"query": "\0"}),
    ("search", {"query": "x" * 1_000_000}),
    ("search", {"query": "red", "top_k": 0}),
    ("search", {"query": "red", "top_k": -5}),
    ("search", {"query": "red", "top_k": 21}),
    ("search", {"query": "red", "top_k": 10**30}),
    ("search", {"query": "red", "top_k": "many"}),
    ("search", {"query": "red", "in": "everything"}),
    ("search", {"query": "red", "filters": ["nonsense"]}),
    ("search", {"query": "red", "filters": ["folder=/etc"]}),
    ("search", {"query": "red", "filters": ["latitude>=48"]}),
    ("search", {"query": "red", "filters": ["iso>=1"] * 21}),
    ("search", {"query": {"$ne": None}}),
    ("similar", {"id": "../../../etc/passwd"}),
    ("similar", {"id": "a/b\0c"}),
    ("similar", {"id": "x" * 1_000_000}),
    ("show", {}),
    ("show", {"ids": []}),
    ("show", {"ids": ["a"] * 9}),
    ("show", {"ids": ["/etc/passwd", "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace")]}),
    ("show", {"ids": ["a"], "size": 10**12}),
    ("show", {"ids": ["a"], "size": -1}),
    ("show", {"ids": ["a"], "size": float("inf")}),
    ("facts", {"id": "00000000-0000-0000-0000-000000000000"}),
    ("facts", {"id": ["a"]}),
    ("delete", {"id": "a"}),
    ("x" * 1_000_000, {}),
]


def test_bad_input_gets_a_sentence_and_the_server_goes_on(library: Library) -> None:
    for tool, arguments in BAD:
        answer = library.ask(tool, **arguments)
        said = text_of(answer)
        assert answer.is_error and "\n" not in said and len(said) < 700, (tool, str(arguments)[:80], said)
        assert "Error executing" not in said and "pydantic" not in said, said
    assert library.ask("search", query="red").structured_content["verdict"] == "match"


def test_what_nobody_foresaw_is_an_error_without_its_text(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("src.assistant.answers.facts", broken)
    answer = library.ask("facts", id="a")
    assert answer.is_error and "secret" not in text_of(answer)


# ---------------------------------------------------------------- the library while the server runs


def test_the_library_may_change_while_the_server_runs(own_library: Library, tmp_path: Path) -> None:
    owner, away = own_library.owner, tmp_path / "away"
    ask = partial(own_library.ask, "search", query="purple")
    assert ask().structured_content["verdict"] == "nothing"
    add(owner, make_photo(tmp_path / "more" / "purple.jpg", COLOURS["purple"]))
    assert "purple.jpg" in names(ask()), "what the app adds is found"
    one = own_library.id("purple.jpg")
    owner.curation.remove([one])
    assert "purple.jpg" not in names(ask())
    assert own_library.ask("show", ids=[one]).is_error and own_library.ask("facts", id=one).is_error
    cleared(owner)
    assert "There are no photos in the library yet" in text_of(ask())

    owner.close()
    own_library.settings.home.rename(away)
    gone = ask()
    assert gone.is_error and "not where this server looks for it" in text_of(gone)
    assert not own_library.settings.home.exists(), "nothing is begun in its place"
    other = build_services(own_library.settings, models=fake_models(own_library.settings))
    add(other, make_photo(tmp_path / "other" / "violet.jpg", COLOURS["purple"]))
    other.close()
    assert names(ask()) == {"violet.jpg"}, "another library in its place"


def names(answer: CallToolResult) -> set[str]:
    return {row["name"] for row in answer.structured_content["results"]}


def test_the_app_may_start_after_the_server_and_stop_before_it(own_library: Library) -> None:
    settings, ask = own_library.settings, partial(own_library.ask, "search", query="red")
    own_library.owner.close()
    assert ask().structured_content["verdict"] == "match", "without an app"
    app = build_services(settings, models=fake_models(settings), port=1)
    assert app.store.app_is_running(), "the server does not hold the lock"
    assert ask().structured_content["verdict"] == "match"
    app.close()
    assert ask().structured_content["verdict"] == "match"


def test_nothing_in_the_library_is_changed_nor_can_be(own_library: Library) -> None:
    own_library.owner.close()
    before = contents(own_library.settings)
    one = own_library.rows("search", query="red")[0]["id"]
    own_library.read(f"photo://{one}/thumb")
    for tool in TOOLS:
        told = {"search": {"query": "blue"}, "show": {"ids": [one]}}.get(tool, {"id": one})
        assert not own_library.ask(tool, **told).is_error
    with own_library.shared.reading() as services:
        for write in (
            lambda: services.curation.tag([one], ["x"]),
            lambda: services.curation.remove([one]),
            lambda: services.catalog.set_meta("a", "b"),
            lambda: services.catalog.clear_images(),
            lambda: services.store.forget([one]),
        ):
            with pytest.raises(errors.LibraryError):
                write()
    assert contents(own_library.settings) == before


def contents(settings: Settings) -> dict[str, Any]:
    """All rows of the catalogue, and name, size and time of every other file but what models keep for themselves."""
    with closing(sqlite3.connect(settings.catalog_file)) as db:
        rows = list(db.iterdump())
    files = [path for path in settings.home.rglob("*") if path.is_file() and path.parent != settings.query_banks_dir]
    files = [path for path in files if "catalog.sqlite3" not in path.name]
    kept = {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}
    return {"rows": rows, **kept}


def test_a_small_picture_is_made_where_there_is_none_and_written_nowhere(own_library: Library) -> None:
    one = own_library.id("red.jpg")
    thumb = own_library.owner.library.thumbnail(one)
    assert thumb
    (kept := thumb.with_suffix(".kept")).write_bytes(thumb.read_bytes())
    thumb.unlink()
    assert own_library.read(f"photo://{one}/thumb").blob and not thumb.exists()
    (own_library.photos / "red.jpg").unlink()
    with pytest.raises(MCPError, match="can't be read now"):
        own_library.read(f"photo://{one}/thumb")
    assert "its file can't be read now" in text_of(own_library.ask("show", ids=[one]))
    kept.rename(thumb)
    answer = own_library.ask("show", ids=[one])
    assert len(answer.content) == 2 and "the library's small copy of it" in text_of(answer)


def test_the_model_is_loaded_by_the_first_search_whose_progress_is_told(library: Library) -> None:
    made, told = list[ModelManager](), list[tuple[float, str]]()

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, message or ""))

    with session(library.settings, models=made) as held:
        held.portal.call(held.client.list_tools)
        assert not made, "no library is opened before it is asked for"
        held.ask("facts", id=library.id("red.jpg"))
        assert not made[0]._loaded
        search = partial(held.client.call_tool, "search", {"query": "red"}, progress_callback=heard)
        assert held.portal.call(search).structured_content["verdict"] == "match"
        assert made[0]._loaded and [at for at, _ in told] == [0, 1, 2] and "model" in told[0][1]
        held.shared.rest(idle=0)
        assert held.rows("search", query="red") and len(made) == 1, "what was given back is there when asked for"


def test_without_the_model_filters_still_list_and_a_search_says_what_is_missing(library: Library) -> None:
    def missing(*_: object) -> Loaded:
        raise errors.WeightsMissing("The model is not on this computer.")

    def make(settings: Settings) -> ModelManager:
        return ModelManager(model="builtin", settings=settings, loader=missing)

    with session(library.settings, make=make) as held:
        assert [row["name"] for row in held.rows("search", query="camera:nikon")] == ["red.jpg"]
        assert text_of(held.ask("search", query="red")) == "The model is not on this computer."


def test_where_there_is_no_library_that_is_said_and_none_is_begun(settings: Settings) -> None:
    with session(settings) as held:
        for tool, arguments in (("search", {"query": "a"}), ("facts", {"id": "a"})):
            assert "not where this server looks for it" in text_of(held.ask(tool, **arguments))
        with pytest.raises(MCPError, match="not where this server"):
            held.read("photo://a/thumb")
    assert not settings.home.exists()


def test_without_the_package_one_sentence_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    monkeypatch.delitem(sys.modules, "src.assistant.server", raising=False)
    assert main(["mcp", "--library", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "pip install -r" in said.err and "requirements-mcp.txt" in said.err
    assert json.dumps(said.err).count("\\n") == 1
