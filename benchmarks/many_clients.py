"""Many programs at once, of which nothing is lost or doubled: python -m benchmarks.many_clients [--clients 50]
[--rounds 12] [--seconds 420] [--seed 0] [--json]

The app as its user starts it, with an empty library, and programs that use its HTTP API at the same time, each over a
connection of its own: they upload photos of their own and, some of them, the same photos; add and let go of folders;
remove, tag, rate, search; start, pause, resume and cancel jobs; and half-way one of them clears the library. Each keeps
a record of what was acknowledged. In the end the library must be just what these records say: which photos are shown
and which are in the bin, their tags and stars, the folders that are followed, the operations that were made; each photo
once, nothing half-written, and nothing for the doctor to find.

``wrong`` are the differences, a sentence each. Which photos a cancelled upload has added is told by its count, since
files are taken in the order in which they were sent; what came before the clearing, by the order in which jobs were
queued.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import numpy as np
from PIL import Image

from benchmarks import browsing, command
from src.bootstrap import build_services
from src.config import Settings
from src.identity import image_id
from src.runtime import Services
from src.schema import Finding

CLIENTS, ROUNDS, LONGEST = 50, 12, 420.0
SHARED = 6
"""Photos that all programs have."""
IN_FOLDER, FOLDERS = 3, 2
"""Photos of a folder, and folders of a program."""
ANSWER_S, JOB_S = 60.0, 240.0
"""Seconds within which an answer comes, and within which a job ends."""
IDLE_S = 2.0
"""Seconds for which a connection is kept; the server keeps one for 5."""
WORDS = ("a dog in the snow", "red", "something blue", "width>=10", "tag:shared")

BOUNDARY = "a-boundary-of-many-programs"
T = TypeVar("T")
Ask = Callable[[str, str, bytes | None, str], tuple[int, bytes]]
"""(method, address below /api, body, its content type) -> (status, body)."""


@dataclass(frozen=True)
class Sent:
    """A photo that a program has."""

    name: str
    data: bytes

    @property
    def id(self) -> str:
        return id_of(self.data)


@dataclass
class Clearing:
    """When the library is cleared: before it came the jobs in ``earlier``."""

    half: int
    steps: int = 0
    begun: bool = False
    known: list[str] = field(default_factory=list)
    earlier: set[str] = field(default_factory=set)
    settled: threading.Event = field(default_factory=threading.Event)
    """Set once ``earlier`` is whole."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def due(self) -> bool:
        """Count one step; True for the one in the middle."""
        with self.lock:
            self.steps += 1
            return self.steps == self.half


class Program:
    """One that does this and that, and notes what was acknowledged."""

    def __init__(self, number: int, ask: Ask, clearing: Clearing, shared: Sequence[Sent], folder: Path, seed: int):
        self.number, self.wrong = number, list[str]()
        self.added: dict[str, str] = {}
        """Photo -> the job that added it last; "" once it was removed."""
        self.of_folder: dict[Path, str] = {}
        """Followed folder -> the job that added it; "" once it is not followed any more."""
        self.tags: dict[str, set[str]] = {}
        self.stars: dict[str, int] = {}
        self.operations: list[int] = []
        self._ask, self._clearing, self._shared, self._folder = ask, clearing, shared, folder
        self._dice = random.Random(1000 * seed + number)
        self._made = self.steps = 0

    def run(self, rounds: int, until: float) -> None:
        steps: tuple[Callable[[], None], ...]
        steps = (self._upload, self._upload, self._share, self._follow, self._let_go, self._remove, self._tag)
        steps = (*steps, self._tag, self._rate, self._search, self._look_again, self._export, self._cancel)
        for at in range(rounds):
            if time.monotonic() > until:
                break
            step = self._clear if self._clearing.due() else self._upload if at == 0 else self._dice.choice(steps)
            self.steps += 1
            try:
                step()
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.wrong.append(f"program {self.number}, {step.__name__[1:]}: {type(error).__name__} {error}")

    # ---------------------------------------------------------------- adding

    def _upload(self) -> None:
        self._send([self._new() for _ in range(self._dice.randint(1, 3))])

    def _share(self) -> None:
        self._send(self._dice.sample(self._shared, 3))

    def _cancel(self) -> None:
        """Send some photos, and cancel the job at once."""
        self._send([self._new() for _ in range(4)], cancel=True)

    def _send(self, photos: Sequence[Sent], cancel: bool = False) -> None:
        body, kind = form(photos)
        job = self._known(self._json("POST", "/images", 202, body, kind)["job"])
        if cancel:
            time.sleep(self._dice.choice((0.0, 0.3, 0.6)))
            self._asked("POST", f"/jobs/{job}/cancel", (200, 409))
        ended = self._ended(job)
        if ended["state"] not in ("done", "cancelled") or ended["skipped_count"]:
            raise ValueError(f"an upload {ended['state']}: {ended['error']} {ended['skipped']}")
        if ended["state"] == "cancelled" and not cancel and self.stays(job):
            raise ValueError("an upload was cancelled that nobody cancelled")
        number = ended["indexed"] + ended["already"]
        if ended["state"] == "done" and number != len(photos):
            raise ValueError(f"{number} of {len(photos)} photos are told of")
        for photo in photos[:number]:
            self.added[photo.id] = job

    def _follow(self) -> None:
        """Add a folder that is not followed: its photos are back then, those too that were removed."""
        folder = self._folder / f"folder{self._dice.randrange(FOLDERS)}"
        if self.stays(self.of_folder.get(folder, "")):
            return
        job = self._known(self._json("POST", "/folders", 202, said({"path": str(folder)}))["job"])
        ended, photos = self._ended(job), ids_in(folder)
        number = ended["indexed"] + ended["already"]
        if ended["state"] == "cancelled" and not self.stays(job):  # by the clearing, which then took what was added
            self.added.update(dict.fromkeys(photos[:number], job))
            return
        if ended["state"] != "done" or number != len(photos):
            raise ValueError(f"adding a folder {ended['state']}: {ended['error']}, {ended['indexed']} added")
        self.of_folder[folder] = job
        self.added.update(dict.fromkeys(photos, job))

    def _let_go(self) -> None:
        if (one := self._one_of(self.of_folder)) is None:
            return
        folder, job = one
        status, told = self._asked("DELETE", f"/folders?folder={quote(str(folder))}", (202, 404))
        ended = self._ended(self._known(told["job"])) if status == 202 else {"state": "failed", "error_code": ""}
        if ended["state"] != "done" and self.stays(job):
            raise ValueError(f"letting go of a folder: {status} {ended}")
        self.of_folder[folder] = ""
        self.added.update(dict.fromkeys(ids_in(folder), ""))

    # ---------------------------------------------------------------- what is said of photos

    def _remove(self) -> None:
        one = self._one_of(self._own())
        if one and self._operation("DELETE", f"/images/{one[0]}", one[1]):
            self.added[one[0]] = ""

    def _tag(self) -> None:
        """A tag of this program's: on a photo that others may have too."""
        if (one := self._one_of(self.added)) is None:
            return
        photo, job = one
        has, tag = self.tags.setdefault(photo, set()), self._dice.choice((f"p{self.number}", f"q{self.number}/x"))
        way = "DELETE" if tag in has else "PUT"
        if self._operation(way, f"/images/{photo}/tags/{tag}", job):
            (has.discard if way == "DELETE" else has.add)(tag)

    def _rate(self) -> None:
        one, stars = self._one_of(self._own()), self._dice.randint(1, 5)
        if one is None or stars == self.stars.get(one[0]):
            return
        photo, job = one
        status, told = self._asked("PATCH", f"/images/{photo}", (200, 404), said({"rating": stars}))
        if self._was_there(status, job, told):
            self.operations += [one["number"] for one in told["operations"]]
            self.stars[photo] = stars

    def _operation(self, way: str, address: str, job: str) -> bool:
        """Whether it was done: not where the photo has gone into the bin meanwhile, with all others."""
        status, told = self._asked(way, address, (200, 404))
        if not self._was_there(status, job, told):
            return False
        if told["number"] is None and self.stays(job):
            raise ValueError(f"{way} {address} changed nothing")
        self.operations += [told["number"]] if told["number"] is not None else []
        return told["number"] is not None

    def _was_there(self, status: int, job: str, told: Any) -> bool:
        if status == 404 and self.stays(job):
            raise ValueError(f"a photo is not there: {told}")
        return status == 200

    # ---------------------------------------------------------------- looking, and jobs

    def _search(self) -> None:
        hits = self._json("GET", f"/search?q={quote(self._dice.choice(WORDS))}&top_k=30", 200)["results"]
        if len({hit["id"] for hit in hits}) != len(hits):
            raise ValueError("a search found a photo twice")
        for hit in hits[:2]:
            status, _ = self._ask("GET", f"/thumb/{hit['id']}", None, "")
            if status not in (200, 404):
                raise ValueError(f"a thumbnail: {status}")

    def _look_again(self) -> None:
        job = self._known(self._json("POST", "/folders/sync", 202, said({}))["job"])
        for step in self._dice.choice((("pause", "resume"), ("cancel",), ())):
            self._asked("POST", f"/jobs/{job}/{step}", (200, 409))
        self._ended(job)

    def _export(self) -> None:
        job = self._json("POST", "/exports", 202, said({"format": "csv"}))["job"]
        if self._dice.random() < 0.5:
            self._asked("POST", f"/jobs/{job}/cancel", (200, 409))
        if self._ended(job)["state"] == "done" and self._ask("GET", f"/exports/{job}", None, "")[0] != 200:
            raise ValueError("an export that is done can't be had")

    def _clear(self) -> None:
        with self._clearing.lock:
            self._clearing.earlier.update(self._clearing.known)
            self._clearing.begun = True
        job = self._json("POST", "/clear", 202, said({"confirm": True}))["job"]
        jobs = [one["id"] for one in self._json("GET", "/jobs?top_k=200", 200)["jobs"]]
        self._clearing.earlier.update(jobs[jobs.index(job) + 1 :])
        self._clearing.settled.set()
        if self._ended(job)["state"] != "done":
            raise ValueError("the library was not cleared")

    # ---------------------------------------------------------------- asking

    def _new(self) -> Sent:
        self._made += 1
        return Sent(f"p{self.number}-{self._made}.jpg", photo((self.number + 1) * 10_000 + self._made))

    def _own(self) -> dict[str, str]:
        shared = {one.id for one in self._shared}
        return {photo: job for photo, job in self.added.items() if photo not in shared}

    def _one_of(self, some: Mapping[T, str]) -> tuple[T, str] | None:
        there = [(one, job) for one, job in some.items() if job]
        return self._dice.choice(there) if there else None

    def stays(self, job: str) -> bool:
        """Whether what a job added is there still, as far as the clearing goes."""
        if job and self._clearing.begun:
            self._clearing.settled.wait(ANSWER_S)
        return bool(job) and job not in self._clearing.earlier

    def _known(self, job: str) -> str:
        with self._clearing.lock:
            self._clearing.known.append(job)
        return job

    def _ended(self, job: str) -> dict[str, Any]:
        """A job once it has ended: told by its events, or where too many are followed by asking again."""
        until = time.monotonic() + JOB_S
        while time.monotonic() < until:
            if self._dice.random() < 0.3:
                status, body = self._ask("GET", f"/jobs/{job}/events", None, "")
                if status == 200 and b"event: end" in body:
                    return dict(json.loads(body.rpartition(b"data: ")[2]))
            told = self._json("GET", f"/jobs/{job}", 200)
            if told["finished"]:
                return dict(told)
            time.sleep(0.15)
        raise ValueError(f"job {job} does not end")

    def _asked(
        self, way: str, address: str, allowed: Sequence[int], body: bytes | None = None, kind: str = ""
    ) -> tuple[int, Any]:
        status, told = self._ask(way, address, body, kind or ("application/json" if body else ""))
        if status not in allowed:
            raise ValueError(f"{way} {address}: {status} {told[:300]!r}")
        return status, json.loads(told)

    def _json(self, way: str, address: str, status: int, body: bytes | None = None, kind: str = "") -> Any:
        return self._asked(way, address, (status,), body, kind)[1]


# -------------------------------------------------------------------- photos and forms


def said(what: Any) -> bytes:
    return json.dumps(what).encode()


def photo(seed: int) -> bytes:
    """A small JPEG that no other seed gives."""
    dice = np.random.default_rng(seed)
    small = Image.fromarray(dice.integers(0, 256, (9, 12, 3), np.uint8)).resize((120, 90))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def id_of(data: bytes) -> str:
    return image_id(sha256(data).hexdigest())


def ids_in(folder: Path) -> list[str]:
    return [id_of(file.read_bytes()) for file in sorted(folder.iterdir())]


def form(photos: Sequence[Sent]) -> tuple[bytes, str]:
    """A form with these photos, and its content type."""
    body = b""
    for one in photos:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="images"; filename="{one.name}"\r\n\r\n'
        body += head.encode() + one.data + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def over_http(url: str) -> Ask:
    """Asks over a connection of its own, made anew after a pause, in which the server may have ended it."""
    connection, used = http.client.HTTPConnection(urlsplit(url).netloc, timeout=JOB_S), 0.0

    def ask(way: str, address: str, body: bytes | None, kind: str) -> tuple[int, bytes]:
        nonlocal used
        if time.monotonic() - used > IDLE_S:
            connection.close()
        begun = time.monotonic()
        try:
            connection.request(way, f"/api{address}", body, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            told = answer.status, answer.read()
        except OSError as error:
            connection.close()
            raise OSError(
                f"{way} {address} after {begun - used:.1f} s: {error} in {time.monotonic() - begun:.1f} s"
            ) from error
        used = time.monotonic()
        return told

    return ask


# -------------------------------------------------------------------- the whole


def at_once(ask: Callable[[], Ask], folder: Path, clients: int, rounds: int, until: float, seed: int) -> list[Program]:
    """What so many programs did, one after the other in each, all at the same time, until ``until`` (``monotonic``)."""
    shared = [Sent(f"shared-{number}.jpg", photo(number)) for number in range(SHARED)]
    for number in range(clients):
        for at in range(FOLDERS * IN_FOLDER):
            place = folder / f"program{number}" / f"folder{at % FOLDERS}"
            place.mkdir(parents=True, exist_ok=True)
            (place / f"f{number}-{at}.jpg").write_bytes(photo(10**7 + 100 * number + at))
    clearing = Clearing(clients * rounds // 2)
    programs = [Program(at, ask(), clearing, shared, folder / f"program{at}", seed) for at in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda program: program.run(rounds, until), programs))
    return programs


@dataclass
class Expected:
    """What the records of all programs come to."""

    shown: set[str]
    binned: set[str]
    tags: dict[str, set[str]]
    stars: dict[str, int]
    folders: set[str]
    operations: list[int]

    @classmethod
    def of(cls, programs: Sequence[Program]) -> Expected:
        every = {id_ for program in programs for id_ in program.added}
        shown = {id_ for program in programs for id_, job in program.added.items() if program.stays(job)}
        tags = {id_: {tag for one in programs for tag in one.tags.get(id_, ())} for id_ in every}
        stars = {id_: number for one in programs for id_, number in one.stars.items()}
        followed = {str(path) for one in programs for path, job in one.of_folder.items() if one.stays(job)}
        return cls(shown, every - shown, tags, stars, followed, [each for one in programs for each in one.operations])


def seen_over_http(ask: Ask, expected: Expected) -> list[str]:
    """What the API tells that is not as expected."""
    listed, cursor = list[str](), ""
    while cursor is not None:
        told = json.loads(ask("GET", f"/images?top_k=100{cursor and '&cursor=' + quote(cursor)}", None, "")[1])
        listed, cursor = listed + [one["id"] for one in told["photos"]], told["next"]
    wrong = [f"listed twice: {id_}" for id_, number in Counter(listed).items() if number > 1]
    wrong += _differences("photos", set(listed), expected.shown)
    for id_ in sorted(expected.shown & set(listed)):
        told = json.loads(ask("GET", f"/images/{id_}", None, "")[1])
        wrong += _differences(f"tags of {id_}", set(told["tags"]), expected.tags[id_])
        if told["rating"] != expected.stars.get(id_) or len(told["files"]) != 1:
            wrong.append(f"{id_}: {told['rating']} stars, not {expected.stars.get(id_)}; files {told['files']}")
        if ask("GET", f"/thumb/{id_}", None, "")[0] != 200:
            wrong.append(f"no thumbnail of {id_}")
    folders = {one["path"] for one in json.loads(ask("GET", "/folders", None, "")[1])["folders"]}
    return wrong + _differences("folders", folders, expected.folders)


def seen_in_library(services: Services, expected: Expected) -> list[str]:
    """What the library holds that is not as expected, and what its doctor finds."""
    wrong = _differences("photos in the bin", set(services.catalog.bin.ids()), expected.binned)
    made = [one.number for one in services.curation.history(10**6)]
    wrong += _differences("operations", set(expected.operations) - set(made), set())
    wrong += [f"told twice: operation {one}" for one, times in Counter(expected.operations).items() if times > 1]
    wrong += [f"half-written: {file.name}" for file in services.settings.uploads_dir.glob("*.mfe-part")]
    for event in services.handlers["doctor"]({"repair": False}):
        wrong += [f"the doctor: {event.text}"] if isinstance(event, Finding) else []
    return wrong


def _differences(what: str, found: set[Any], expected: set[Any]) -> list[str]:
    lost, doubled = sorted(expected - found), sorted(found - expected)
    wrong = [f"{what}: {len(lost)} lost: {lost[:3]}"] if lost else []
    return wrong + ([f"{what}: {len(doubled)} too many: {doubled[:3]}"] if doubled else [])


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Raises NotHere where the app does not start."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="many-clients-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with browsing.started(home) as (url, _):
            browsing.await_answer(url)
            ask, until = over_http(url), time.monotonic() + options.seconds
            photos = Path(folder) / "photos"
            programs = at_once(lambda: over_http(url), photos, options.clients, options.rounds, until, options.seed)
            wrong = [each for program in programs for each in program.wrong]
            expected = Expected.of(programs)
            wrong += seen_over_http(ask, expected)
        services = build_services(Settings(home=home, model="builtin"))
        try:
            wrong += seen_in_library(services, expected)
        finally:
            services.close()
    return {
        "clients": options.clients,
        "rounds": options.rounds,
        "steps": sum(program.steps for program in programs),
        "shown": len(expected.shown),
        "binned": len(expected.binned),
        "operations": len(expected.operations),
        "seconds": round(time.monotonic() - begun, 1),
        "wrong": wrong,
    }


def table(found: dict[str, Any]) -> str:
    told = (
        f"{found['clients']} programs made {found['steps']} steps in {found['seconds']} s: {found['shown']} photos "
        f"shown, {found['binned']} in the bin, {found['operations']} operations; wrong: {len(found['wrong'])}"
    )
    return "\n".join([told, *found["wrong"][:20]])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 all is as acknowledged, 1 something was not, or failed with a reason."""
    parser = command.parser("many_clients", __doc__)
    parser.add_argument("--clients", type=int, default=CLIENTS, help="programs at once (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="steps of each (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=LONGEST, help="at most (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of what each does (default: %(default)s)")
    options = parser.parse_args(arguments)
    results: list[dict[str, Any]] = []

    def run() -> dict[str, Any]:
        results.append(measure(options))
        return results[0]

    return command.told(run, table, options.json) or int(bool(results[0]["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
