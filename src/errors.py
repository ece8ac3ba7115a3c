"""Everything that can go wrong in a way a user can do something about.

AppError                    user_message: one sentence; hint: what to do next
├── BadQuery                nothing to search for, or a query that can't be read
├── UnreadableImage         a file that is no picture, is damaged, or is too large
├── UnreadablePath          a path that does not exist or may not be read
├── ModelError
│   ├── UnknownModel        an id that is in no registry
│   ├── WeightsMissing      the checkpoint is not on this machine
│   ├── WeightsCorrupt      the file is there, but it is not the published one
│   └── DownloadFailed      it could not be fetched now
├── LibraryError
│   ├── LibraryBusy         another process owns the library
│   ├── LibraryNewer        written by a newer version of this program
│   └── LibraryUnusable     the folder or the catalogue can't be read or written
├── BadInput                an argument that makes no sense
│   └── WrongDimensions     vectors of another length than the collection's
└── BadSetting              an environment variable with a value that makes no sense
"""

from __future__ import annotations


class AppError(Exception):
    """Base of all errors meant for the user: ``user_message`` is one sentence, ``hint`` says what to do (may be empty)."""

    def __init__(self, user_message: str, hint: str = "") -> None:
        super().__init__(user_message)
        self.user_message = user_message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.user_message} {self.hint}".strip()


class BadQuery(AppError):
    """Nothing to search for, or a query that can't be read."""


class UnreadableImage(AppError):
    """A file that is no picture, is damaged, or is too large.

    ``lasting``: the same bytes will be refused again by the same decoders; False where the reason may pass (permission, memory, a setting).
    """

    def __init__(self, user_message: str, hint: str = "", lasting: bool = False) -> None:
        super().__init__(user_message, hint)
        self.lasting = lasting


class UnreadablePath(AppError):
    """A path that does not exist or may not be read."""


class ModelError(AppError):
    """Something about a model or its weights."""


class UnknownModel(ModelError):
    """A model id that is in no registry."""


class WeightsMissing(ModelError):
    """The checkpoint is not on this machine."""


class WeightsCorrupt(ModelError):
    """The checkpoint is there, but its bytes are not the published ones or can't be read as a model."""


class DownloadFailed(ModelError):
    """The checkpoint could not be fetched now."""


class LibraryError(AppError):
    """Something about the library's own files."""


class LibraryBusy(LibraryError):
    """Another process owns the library."""


class LibraryNewer(LibraryError):
    """The catalogue was written by a newer version of this program."""


class LibraryUnusable(LibraryError):
    """The folder or the catalogue can't be read or written."""


class BadInput(AppError):
    """An argument that makes no sense, said before anything was stored."""


class WrongDimensions(BadInput):
    """Vectors of another length than the collection's."""


class BadSetting(AppError):
    """An environment variable with a value that makes no sense."""
