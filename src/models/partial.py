"""What has arrived of a file so far, on disk beside the place where the whole one will stand."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from src.files import sync_folder

_BLOCK = 1 << 20


class Partial:
    """A growing file and the SHA-256 of exactly what is in it. All methods raise OSError where the disk fails."""

    def __init__(self, path: Path, largest: int) -> None:
        """Opens what is there, or makes it. One of more than ``largest`` bytes is emptied unread."""
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, f"{path.name} is there and is no plain file")
        self.path = path
        self.size = 0
        self._digest = hashlib.sha256()
        self._before = (0, self._digest.copy())
        self._file = path.open("a+b")
        if os.fstat(self._file.fileno()).st_size > largest:
            self._file.truncate(0)
        self._file.seek(0)
        while block := self._file.read(_BLOCK):
            self._count(block)

    def write(self, block: bytes) -> None:
        self._file.write(block)
        self._count(block)

    def mark(self) -> None:
        """What is there now is what ``take_back`` returns to."""
        self._before = (self.size, self._digest.copy())

    def take_back(self) -> None:
        """Forget what was written since the mark."""
        self.size, digest = self._before
        self._digest = digest.copy()
        self._file.truncate(self.size)

    def sha256(self) -> str:
        return self._digest.hexdigest()

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        """Give the file its name, durably."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self.path, target)
        sync_folder(target.parent)

    def _count(self, block: bytes) -> None:
        self.size += len(block)
        self._digest.update(block)


class Arrivals:
    """The files of one download: what is kept across tries, and the one begun anew beside it until it proves better."""

    def __init__(self, path: Path, lock: FileLock, largest: int) -> None:
        """``path``: of what is kept. ``lock`` is held, and is let go at the end."""
        self._lock = lock
        self._largest = largest
        self._fresh_path = path.with_name(f"{path.name}.new")
        self._fresh_path.unlink(missing_ok=True)
        self.kept = Partial(path, largest)

    def fresh(self) -> Partial:
        """An empty file beside the kept one; it must be adopted or removed."""
        return Partial(self._fresh_path, self._largest)

    def adopt(self, fresh: Partial) -> None:
        """The fresh file takes the kept one's place."""
        path = self.kept.path
        self.kept.close()
        fresh.close()
        os.replace(fresh.path, path)
        self.kept = Partial(path, self._largest)

    def __enter__(self) -> Arrivals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.kept.close() if self.kept.size else self.kept.remove()
        finally:
            with suppress(OSError):  # Windows removes no open file; an empty lock file may then stay
                os.unlink(self._lock.lock_file)
            self._lock.release()
