"""Checkpoints on disk: find one and verify it, or download it so that an interruption costs nothing.

A file counts only once its SHA-256 is the published one. Hashing some hundred megabytes takes a second, so the hash of a file is
remembered by its size and modification time in ``verified.json`` inside the library's own weights folder; the other folders are
only ever read.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import httpx
from filelock import FileLock, Timeout

from src.durable import sync_folder
from src.errors import DownloadFailed, WeightsCorrupt, WeightsMissing
from src.models.registry import ModelSpec
from src.models.segmenters import SegmenterSpec
from src.schema import Progress

Spec = ModelSpec | SegmenterSpec
MEMORY_FILE = "verified.json"
_BLOCK = 1 << 20
_PROGRESS_EVERY_S = 0.1
_SPACE_MARGIN = 64 << 20
_UNREACHABLE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
_RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How long a download waits, in seconds, and how often it tries again without getting any further."""

    connect_s: float = 10.0
    read_s: float = 20.0
    """Also the longest a cancel can take: it is seen whenever bytes arrive or this runs out."""
    attempts: int = 4
    pause_s: float = 1.0


# ---------------------------------------------------------------- finding


def locate(spec: Spec, folders: Sequence[Path]) -> Path | None:
    """The verified checkpoint, or None where no folder has the file. ``folders[0]`` is the library's own and keeps the memory of hashes.

    A wrong file does not hide a good one in a later folder. Raises WeightsCorrupt, with both hashes, where there are only wrong ones.
    """
    wrong: WeightsCorrupt | None = None
    for folder in folders:
        path = folder / spec.file_name
        if not spec.file_name or not os.path.isfile(path):
            continue
        try:
            verify(spec, path, folders[0])
            return path
        except WeightsCorrupt as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong
    return None


def verify(spec: Spec, path: Path, memory_folder: Path) -> None:
    """Compare a file with the published hash. Raises WeightsCorrupt naming the expected and the found one."""
    try:
        found = _remembered_hash(path, memory_folder)
    except OSError as error:
        raise WeightsCorrupt(f"{path} can't be read ({error.strerror}).", "Check its permissions, or remove it.") from error
    if found != spec.sha256:
        raise WeightsCorrupt(
            f"{path} is not the published checkpoint of {spec.title}: its SHA-256 should be {spec.sha256} and is {found}.",
            "Remove or rename that file, then download the model again.",
        )


def missing(spec: Spec, folder: Path, base_url: str | None = None) -> WeightsMissing:
    """The error that tells a person where to get the checkpoint and where to put it."""
    return WeightsMissing(f"The weights of {spec.title} are not on this computer.", _by_hand(spec, folder, base_url))


def _remembered_hash(path: Path, memory_folder: Path) -> str:
    """SHA-256 of a file, from memory where its size and modification time are the remembered ones."""
    stat = path.stat()
    entry = _read_memory(memory_folder).get(str(path.absolute()))
    if isinstance(entry, dict) and entry.get("stamp") == [stat.st_size, stat.st_mtime_ns]:
        return str(entry.get("sha256"))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _remember(memory_folder, path, stat, digest)
    return digest


def _read_memory(folder: Path) -> dict[str, object]:
    """What is remembered; nothing where the file is absent, unreadable or damaged, since it only saves time."""
    try:
        memory = json.loads((folder / MEMORY_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


def _remember(folder: Path, path: Path, stat: os.stat_result, digest: str) -> None:
    """Store a file's hash. A folder that can't be written only costs hashing again."""
    entry = {"stamp": [stat.st_size, stat.st_mtime_ns], "sha256": digest}
    memory = _read_memory(folder) | {str(path.absolute()): entry}
    temporary = folder / f"{MEMORY_FILE}.{os.getpid()}-{threading.get_ident()}.part"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(memory, indent=1), encoding="utf-8")
        os.replace(temporary, folder / MEMORY_FILE)


# ---------------------------------------------------------------- downloading


def download(spec: Spec, folder: Path, base_url: str | None = None, patience: Patience | None = None) -> Iterator[Progress]:
    """Fetch a checkpoint into ``folder``; progress in bytes. Closing the iterator cancels and keeps what has arrived for the next time.

    ``base_url`` replaces the publisher's host by ``<base_url>/<file name>`` and may be plain http; otherwise every request, redirects
    included, must be https. Raises DownloadFailed (nothing lost, try again) or WeightsCorrupt (what arrived was not the published file).
    """
    target = folder / spec.file_name
    if target.exists():
        verify(spec, target, folder)
        yield Progress(spec.bytes or target.stat().st_size, spec.bytes or None, "bytes", spec.file_name)
        return
    source = _Source(spec, folder, base_url, patience or Patience())
    try:
        with _lock_and_open(spec, folder) as part:
            _check_space(spec, folder, spec.bytes - part.size)
            yield from source.fill(part)
            part.finish(spec, target)
    except OSError as error:
        raise _disk_error(spec, folder, error) from error
    _remember(folder, target, target.stat(), spec.sha256)


class _Partial:
    """The growing ``.part`` file and the hash of exactly what is in it."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self.size = 0
        self._lock = lock
        self._digest = hashlib.sha256()
        self._file = path.open("a+b")
        self._file.seek(0)
        while block := self._file.read(_BLOCK):
            self._count(block)

    def write(self, block: bytes) -> None:
        self._file.write(block)
        self._count(block)

    def restart(self) -> None:
        """Forget what is there."""
        self._file.truncate(0)
        self.size = 0
        self._digest = hashlib.sha256()

    def matches(self, sha256: str) -> bool:
        return self._digest.hexdigest() == sha256

    def finish(self, spec: Spec, target: Path) -> None:
        """Check the hash, then give the file its name, durably. Raises WeightsCorrupt, and drops the file, where the hash is another."""
        found = self._digest.hexdigest()
        if found != spec.sha256:
            self._file.close()
            self.path.unlink(missing_ok=True)
            raise WeightsCorrupt(
                f"What was downloaded for {spec.title} is not the published file: "
                f"its SHA-256 should be {spec.sha256} and is {found}. It was deleted.",
                "Try again; if it happens again, something between you and the server changes files.",
            )
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self.path, target)
        sync_folder(target.parent)

    def __enter__(self) -> _Partial:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._file.close()
        finally:
            with suppress(OSError):  # Windows removes no open file; an empty lock file may then stay
                os.unlink(self._lock.lock_file)
            self._lock.release()

    def _count(self, block: bytes) -> None:
        self.size += len(block)
        self._digest.update(block)


class _Source:
    """One checkpoint's server: fills a partial file from wherever it stands, again and again where the line breaks."""

    def __init__(self, spec: Spec, folder: Path, base_url: str | None, patience: Patience) -> None:
        self.spec = spec
        self.folder = folder
        self.base_url = base_url
        self.url = _url(spec, base_url)
        self.patience = patience
        self.total = spec.bytes or None

    def fill(self, part: _Partial) -> Iterator[Progress]:
        """Until the file is complete. Raises DownloadFailed: at once where the line was never up, else after ``attempts`` without gain."""
        start = furthest = part.size
        failures = 0
        with self._client() as client:
            while not self._complete(part):
                yield Progress(part.size, self.total, "bytes", self.spec.file_name)
                try:
                    yield from self._receive(client, part)
                    break
                except (httpx.RequestError, httpx.InvalidURL, _Interrupted) as error:
                    failures = 1 if part.size > furthest else failures + 1
                    furthest = max(furthest, part.size)
                    never_up = isinstance(error, _UNREACHABLE) and furthest == start
                    if never_up or failures >= self.patience.attempts:
                        raise self._failed(_reason(error, self.url), part) from error
                time.sleep(self.patience.pause_s)
        yield Progress(part.size, self.total or part.size, "bytes", self.spec.file_name)

    def _complete(self, part: _Partial) -> bool:
        """True once nothing is left to ask for; a partial file longer than the published one is started again."""
        if self.spec.bytes and part.size > self.spec.bytes:
            part.restart()
        return part.size > 0 and (part.size == self.spec.bytes or part.matches(self.spec.sha256))

    def _receive(self, client: httpx.Client, part: _Partial) -> Iterator[Progress]:
        """One answer of the server into the file. Raises _Interrupted where it ends early."""
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={part.size}-"} if part.size else {})
        with client.stream("GET", self.url, headers=headers) as response:
            end = self._place(response, part)
            _check_space(self.spec, self.folder, (end or 0) - part.size)
            self.total = end or self.total
            shown = time.monotonic()
            for block in response.iter_raw():
                part.write(block)
                self._refuse_surplus(part)
                if time.monotonic() - shown >= _PROGRESS_EVERY_S:
                    shown = time.monotonic()
                    yield Progress(part.size, self.total, "bytes", self.spec.file_name)
        if self.total and part.size < self.total:
            raise _Interrupted("the connection ended early")

    def _place(self, response: httpx.Response, part: _Partial) -> int | None:
        """Set the file to where the answer begins; the size the whole file will have, None where the server does not say.

        A server that ignores the range (200), or answers another one, makes the file start again from the beginning.
        """
        if response.status_code in _RETRIED_STATUS:
            raise _Interrupted(f"the server answered {response.status_code}")
        if response.status_code == 416 or (response.status_code == 206 and _range_start(response) != part.size):
            part.restart()
            raise _Interrupted("the server has no such range")
        if response.status_code not in (200, 206):
            raise self._failed(f"the server answered {response.status_code} {response.reason_phrase}".strip(), part)
        if response.status_code == 200:
            part.restart()
        length = response.headers.get("Content-Length", "")
        return part.size + int(length) if length.isdecimal() else None

    def _refuse_surplus(self, part: _Partial) -> None:
        """Stop as soon as more has come than the published file has."""
        if self.spec.bytes and part.size > self.spec.bytes:
            part.path.unlink(missing_ok=True)
            raise WeightsCorrupt(
                f"What {_host(self.url)} sends for {self.spec.title} is not the published file of {self.spec.bytes:,} bytes: it is larger.",
                _by_hand(self.spec, self.folder, self.base_url),
            )

    def _client(self) -> httpx.Client:
        timeout = httpx.Timeout(self.patience.read_s, connect=self.patience.connect_s)
        hooks = {"request": [] if self.base_url else [self._require_https]}
        return httpx.Client(timeout=timeout, follow_redirects=True, event_hooks=hooks)

    def _require_https(self, request: httpx.Request) -> None:
        if request.url.scheme != "https":
            raise DownloadFailed(
                f"{self.spec.title} was not downloaded: {request.url.host} is not asked over an unencrypted connection.",
                _by_hand(self.spec, self.folder, self.base_url),
            )

    def _failed(self, why: str, part: _Partial) -> DownloadFailed:
        kept = f" The {_megabytes(part.size)} that arrived are kept; the next try goes on from there." if part.size else ""
        return DownloadFailed(f"{self.spec.title} could not be downloaded: {why}.{kept}", _by_hand(self.spec, self.folder, self.base_url))


class _Interrupted(Exception):
    """An answer that ended early or is worth asking for again; its text says why."""


def _lock_and_open(spec: Spec, folder: Path) -> _Partial:
    """The partial file, for this download alone. Raises DownloadFailed where another one is writing it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{spec.file_name}.part"
    lock = FileLock(f"{path}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise DownloadFailed(f"{spec.title} is being downloaded already.", "Wait for that download, or cancel it.") from error
    try:
        return _Partial(path, lock)
    except OSError:
        lock.release()
        raise


def _check_space(spec: Spec, folder: Path, wanted: int) -> None:
    """Raise DownloadFailed where fewer bytes are free than are still to come, with a little room to spare."""
    free = shutil.disk_usage(folder).free
    if wanted > 0 and free < wanted + _SPACE_MARGIN:
        raise DownloadFailed(
            f"{spec.title} does not fit: {_megabytes(wanted)} are still to come and {folder} has {_megabytes(free)} free.",
            "Free some space, or set MFE_HOME to a larger disk.",
        )


def _disk_error(spec: Spec, folder: Path, error: OSError) -> DownloadFailed:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DownloadFailed(
            f"{spec.title} could not be stored: the disk of {folder} is full.", "Free some space and try again; what arrived is kept."
        )
    return DownloadFailed(f"{spec.title} could not be stored in {folder} ({error.strerror}).", "Check that the folder can be written.")


def _url(spec: Spec, base_url: str | None) -> str:
    return f"{base_url.rstrip('/')}/{quote(spec.file_name)}" if base_url else spec.url


def _by_hand(spec: Spec, folder: Path, base_url: str | None) -> str:
    where = f"put it as {spec.file_name} into {folder}"
    return f"Without a network: fetch {_url(spec, base_url)} elsewhere (SHA-256 {spec.sha256}) and {where}."


def _reason(problem: Exception, url: str) -> str:
    if isinstance(problem, _UNREACHABLE):
        return f"{_host(url)} could not be reached"
    if isinstance(problem, httpx.TimeoutException):
        return f"{_host(url)} does not answer"
    if isinstance(problem, _Interrupted):
        return str(problem)
    return "the connection broke again and again"


def _range_start(response: httpx.Response) -> int | None:
    """First byte of a ``Content-Range: bytes 5-9/10`` header."""
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0].strip()
    return int(start) if start.isdecimal() else None


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0] or url


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 1e6 else f"{count:,} bytes"
