"""Media Feature Extractor's HTTP API from Python: one file, for Python 3.11 or newer, which needs no package.

Every method raises ``Problem``, and nothing else, where the app refuses or can't be reached. docs/api.md has examples.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Literal, NoReturn, TypedDict, cast
from urllib.parse import quote, urlencode

In = Literal["photos", "objects", "both"]
AnyPath = str | os.PathLike[str]
PIECE = 1 << 20
"""Bytes of a file that are in memory at once."""
PAUSE_S = 1.0
"""Seconds before a connection that broke is made again."""


class Problem(Exception):
    """What went wrong. status: HTTP's, 0 where there was no answer; hint: what to do, may be empty; ids: of the photos
    that have the name that was given (``ambiguous-name``).
    """

    def __init__(self, code: str, sentence: str, hint: str = "", status: int = 0, ids: Iterable[str] = ()) -> None:
        super().__init__(f"{sentence} {hint}".strip())
        self.code, self.sentence, self.hint, self.status, self.ids = code, sentence, hint, status, list(ids)


class Hit(TypedDict):
    """One result. box: left, top, right, bottom in pixels of the upright picture; percent: 0 to 100."""

    id: str
    name: str
    path: str
    kind: str
    score: float
    band: str
    percent: int
    named: bool
    box: list[int] | None
    size: list[int]
    segment: str | None
    why: list[dict[str, Any]]


class Page(TypedDict):
    """next: the cursor of the next page, None at the end."""

    query: str
    model: str
    took_ms: float
    results: list[Hit]
    verdict: str
    notes: list[str]
    next: str | None


class Label(TypedDict):
    label: str
    probability: float
    """0 to 1."""


class Classified(TypedDict):
    """measured: whether the model was compared with labelled pictures, so that a probability is worth what it says."""

    model: str
    measured: bool
    labels: list[Label]


class Listed(TypedDict):
    id: str
    name: str
    size: list[int]
    taken_at: str | None
    added_at: str


class Photo(Listed):
    files: list[str]
    bytes: int
    format: str
    tags: list[str]
    albums: list[str]
    rating: int | None
    favourite: bool
    note: str | None
    description: dict[str, Any] | None
    facts: dict[str, Any]


class Skipped(TypedDict):
    path: str
    reason: str


class Added(TypedDict):
    """job: None where no file was taken."""

    job: str | None
    skipped: list[Skipped]


class Job(TypedDict):
    id: str
    kind: str
    state: str
    title: str
    done: int
    total: int | None
    unit: str
    current: str
    indexed: int
    already: int
    skipped: list[Skipped]
    skipped_count: int
    findings: list[dict[str, Any]]
    seconds: float
    error: str | None
    error_code: str | None
    finished: bool


class Done(TypedDict):
    """number: of the operation; None where all was so already."""

    kind: str
    photos: int
    number: int | None


class Stats(TypedDict):
    images: int
    files: int
    segments: int
    model: str
    dimensions: int
    bytes: int


class Folder(TypedDict):
    id: str
    path: str
    text: str
    watched: bool
    offline: bool
    files: int
    missing: int
    away: int
    synced_at: str | None
    objects: bool
    texts: bool


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes to the address that was given, and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Client:
    """A running app. token: needed where the app is open to the network. timeout: seconds without any byte."""

    def __init__(self, url: str = "http://127.0.0.1:8501", token: str | None = None, timeout: float = 120.0) -> None:
        self._api = url.rstrip("/") + "/api"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout
        self._opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))

    def search(
        self,
        query: str = "",
        *,
        image: str | None = None,
        file: AnyPath | None = None,
        region: Sequence[int] | None = None,
        filters: Sequence[str] = (),
        within: In = "photos",
        space: str = "",
        weak: bool = True,
        top_k: int = 20,
        cursor: str | None = None,
    ) -> Page:
        """One page of results, best first.

        image: id or name of a photo of the library. file: a picture to search by. region: left, top, right, bottom in
        pixels of the upright picture. filters: conditions such as ``rating>=4``. space: vectors that a
        picture is compared in, such as ``builtin-visual``. top_k: 1 to 1,000.
        """
        asked = {"query": query, "image": image, "region": list(region) if region else None, "cursor": cursor}
        said: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        said |= {"filters": list(filters), "in": within, "weak": weak, "top_k": top_k}
        if space:
            said["space"] = space
        return cast(Page, self._with_picture("/search", said, file))

    def pages(self, query: str = "", **asked: Any) -> Iterator[Page]:
        """All pages of a search, asked as with ``search``."""
        cursor = None
        while True:
            page = self.search(query, **asked, cursor=cursor)
            yield page
            if (cursor := page["next"]) is None:
                return

    def similar(self, photo: str, top_k: int = 5) -> Page:
        """The photos that look most like one, named by id or file name as everywhere."""
        return cast(Page, self._json("GET", f"/similar/{_part(photo)}?top_k={top_k}"))

    def classify(
        self,
        *,
        image: str | None = None,
        file: AnyPath | None = None,
        labels: Sequence[str] = (),
        preset: str = "",
        several: bool = False,
        top_k: int = 5,
    ) -> Classified:
        """Which labels a photo of the library, or a picture that is sent, shows; the likeliest first.

        labels: any words; without them those of a list that comes along, ImageNet's or the one that ``preset`` names.
        several: each is judged by itself. top_k: 1 to 1,000.
        """
        said: dict[str, Any] = {"labels": list(labels), "several": several, "top_k": top_k}
        said |= {name: value for name, value in (("preset", preset), ("image", image)) if value}
        return cast(Classified, self._with_picture("/classify", said, file))

    def image(self, photo: str, side: Literal["", "640", "full"] = "") -> bytes:
        """A photo as JPEG, by default 1600 pixels at most."""
        return self._bytes(f"/image/{_part(photo)}" + (f"?side={side}" if side else ""))

    def thumb(self, photo: str) -> bytes:
        """A photo at 384 pixels at most, as JPEG."""
        return self._bytes(f"/thumb/{_part(photo)}")

    def stats(self) -> Stats:
        return cast(Stats, self._json("GET", "/stats"))

    def photo(self, photo: str) -> Photo:
        return cast(Photo, self._json("GET", f"/images/{_part(photo)}"))

    def photos(self) -> Iterator[Listed]:
        """All photos, the last added first."""
        cursor: str | None = None
        while True:
            said = self._json("GET", "/images" + (f"?{urlencode({'cursor': cursor})}" if cursor else ""))
            yield from cast(list[Listed], said["photos"])
            if (cursor := said["next"]) is None:
                return

    def add(self, files: Iterable[AnyPath]) -> Added:
        """Send picture files, at most 200 and 500 MB at once; a job adds them, see ``wait``."""
        return cast(Added, self._form("/images", {}, "images", list(files)))

    def remove(self, photo: str) -> Done:
        """Put a photo into the bin; ``undo`` takes it back."""
        return cast(Done, self._json("DELETE", f"/images/{_part(photo)}"))

    def undo(self) -> Done:
        return cast(Done, self._json("POST", "/undo"))

    def tag(self, photo: str, tag: str) -> Done:
        return cast(Done, self._json("PUT", f"/images/{_part(photo)}/tags/{quote(tag)}"))

    def untag(self, photo: str, tag: str) -> Done:
        return cast(Done, self._json("DELETE", f"/images/{_part(photo)}/tags/{quote(tag)}"))

    def rate(self, photo: str, rating: int | None) -> list[Done]:
        """0 to 5, -1 for rejected, None for what the file says."""
        return self._change(photo, {"rating": rating})

    def note(self, photo: str, note: str | None) -> list[Done]:
        return self._change(photo, {"note": note})

    def folders(self) -> list[Folder]:
        return cast(list[Folder], self._json("GET", "/folders")["folders"])

    def add_folder(self, path: str) -> str:
        """Follow a folder of the app's computer. Returns the job that adds its photos."""
        return str(self._json("POST", "/folders", {"path": path})["job"])

    def remove_folder(self, folder: str) -> str:
        """Follow a folder no more, named by id or path. Returns the job that takes its photos out."""
        return str(self._json("DELETE", f"/folders?{urlencode({'folder': folder})}")["job"])

    def jobs(self) -> list[Job]:
        return cast(list[Job], self._json("GET", "/jobs")["jobs"])

    def job(self, job: str) -> Job:
        return cast(Job, self._json("GET", f"/jobs/{_part(job)}"))

    def events(self, job: str) -> Iterator[Job]:
        """A job now and at each change, until it has ended; a connection that breaks is made again."""
        known = number = ""
        while True:
            with self._open("GET", f"/jobs/{_part(job)}/events", headers={"Last-Event-ID": known}) as answer:
                if answer.status == 204:
                    yield self.job(job)
                    return
                try:
                    for line in answer:
                        name, _, value = line.decode().rstrip("\r\n").partition(": ")
                        if name == "id":
                            number = value
                        elif name == "data" and line.endswith(b"\n"):
                            known, said = number, cast(Job, json.loads(value))
                            yield said
                            if said["finished"]:
                                return
                except (OSError, HTTPException):
                    pass
            time.sleep(PAUSE_S)

    def wait(self, job: str, progress: Callable[[Job], None] | None = None) -> Job:
        """A job once it has ended, done or cancelled. Raises Problem where it failed."""
        last: Job | None = None
        for last in self.events(job):
            if progress is not None:
                progress(last)
        assert last is not None
        if last["state"] == "failed":
            raise Problem(last["error_code"] or "failed", last["error"] or "The job failed.")
        return last

    def export(
        self,
        file: AnyPath,
        format: str,
        *,
        query: str | None = None,
        images: Sequence[str] | None = None,
        pictures: bool = False,
    ) -> Path:
        """Write a ZIP of what a search finds, of these photos, or of all: whole, or not at all."""
        asked = {"format": format, "query": query, "images": images and list(images), "pictures": pictures}
        job = str(self._json("POST", "/exports", {name: it for name, it in asked.items() if it is not None})["job"])
        self.wait(job)
        place = Path(file)
        part = place.with_name(f"{place.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            with self._open("GET", f"/exports/{job}") as answer, part.open("wb") as out:
                while piece := _read(answer, PIECE):
                    out.write(piece)
                if answer.length:
                    raise Problem("unreachable", "The connection broke off.", "Ask for it again.")
            part.replace(place)
        except OSError as error:
            raise Problem("unwritable-file", f"{place} can't be written: {error.strerror}.") from error
        finally:
            part.unlink(missing_ok=True)
        return place

    def _change(self, photo: str, what: Mapping[str, Any]) -> list[Done]:
        return cast(list[Done], self._json("PATCH", f"/images/{_part(photo)}", what)["operations"])

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with self._open(method, path, data, {"Content-Type": "application/json"} if body is not None else {}) as answer:
            return _said(answer)

    def _bytes(self, path: str) -> bytes:
        with self._open("GET", path) as answer:
            return _read(answer)

    def _with_picture(self, path: str, said: Mapping[str, Any], file: AnyPath | None) -> Any:
        """Asked in JSON, or in a form where a picture goes with it."""
        if file is None:
            return self._json("POST", path, said)
        fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()}
        return self._form(path, fields, "image", [file])

    def _form(self, path: str, fields: Mapping[str, str], name: str, files: Sequence[AnyPath]) -> Any:
        mark = uuid.uuid4().hex
        texts = [_head(mark, field) + value.encode() + b"\r\n" for field, value in fields.items()]
        heads = [_head(mark, name, Path(file).name) for file in files]
        tail = f"--{mark}--\r\n".encode()
        with ExitStack() as opened:
            try:
                sources = [opened.enter_context(Path(file).open("rb")) for file in files]
            except OSError as error:
                raise Problem("unreadable-file", f"{error.filename} can't be read: {error.strerror}.") from error
            sizes = [os.fstat(source.fileno()).st_size for source in sources]

            def body() -> Iterator[bytes]:
                yield from texts
                for head, source in zip(heads, sources, strict=True):
                    yield head
                    while piece := source.read(PIECE):
                        yield piece
                    yield b"\r\n"
                yield tail

            length = sum(map(len, texts)) + sum(map(len, heads)) + sum(sizes) + 2 * len(files) + len(tail)
            kind = {"Content-Type": f"multipart/form-data; boundary={mark}", "Content-Length": str(length)}
            with self._open("POST", path, body(), kind) as answer:
                return _said(answer)

    def _open(
        self, method: str, path: str, data: bytes | Iterable[bytes] | None = None, headers: Mapping[str, str] = {}
    ) -> HTTPResponse:
        sent = {name: value for name, value in {**self._headers, **headers}.items() if value}
        request = urllib.request.Request(self._api + path, data, sent, method=method)
        try:
            return cast(HTTPResponse, self._opener.open(request, timeout=self._timeout))
        except urllib.error.HTTPError as error:
            _refused(error)
        except (OSError, HTTPException) as error:
            raise Problem("unreachable", f"{self._api} can't be reached.", "Is the app running?") from error


def _refused(error: urllib.error.HTTPError) -> NoReturn:
    with error:
        try:
            said = json.loads(error.read())
            ids = map(str, said["ids"]) if "ids" in said else ()
            told = Problem(str(said["code"]), str(said["detail"]), str(said["hint"]), error.code, ids)
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            told = Problem("error", f"The answer was {error.code}.", "", error.code)
    raise told from None


def _read(answer: HTTPResponse, most: int | None = None) -> bytes:
    try:
        return answer.read(most)
    except (OSError, HTTPException) as error:
        raise Problem("unreachable", "The connection broke off.", "Is the app running?") from error


def _said(answer: HTTPResponse) -> Any:
    try:
        return json.loads(_read(answer))
    except ValueError as error:
        raise Problem("no-app", "What answers there is not the app.", "Is the address right?") from error


def _part(text: str) -> str:
    return quote(text, safe="")


def _head(mark: str, field: str, file: str | None = None) -> bytes:
    named = ""
    if file is not None:
        clean = file.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        named = f'; filename="{clean}"\r\nContent-Type: application/octet-stream'
    said = f'--{mark}\r\nContent-Disposition: form-data; name="{field}"{named}\r\n\r\n'
    return said.encode("utf-8", "surrogateescape")
