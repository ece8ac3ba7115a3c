"""Everything that can go wrong in a way a user can do something about.

AppError                    user_message: one sentence; hint: what to do next; code: what it is, for programs
├── BadQuery                nothing to search for, or a query that can't be read
├── UnreadableImage         a file that is no picture, is damaged, or is too large
├── UnreadablePath          a path that does not exist or may not be read
├── ModelError
│   ├── UnknownModel        an id that is in no registry
│   ├── WeightsMissing      the checkpoint is not on this machine
│   ├── WeightsCorrupt      the file is there, but it is not the published one
│   ├── DownloadFailed      it could not be fetched now
│   ├── EndpointRefused     a server that describes pictures will not, whatever is asked
│   └── NotDescribed        it gave no usable description of one picture
├── LibraryError
│   ├── LibraryBusy         another process owns the library
│   ├── LibraryNewer        written by a newer version of this program
│   └── LibraryUnusable     the folder or the catalogue can't be read or written
├── BadInput                an argument that makes no sense
│   ├── NotFound            something is named that there is none of
│   ├── AmbiguousName       a name that several photos have
│   ├── TooMuch             more than is taken in at once
│   ├── NotNow              what is named is there, and can't be had or done as it is now
│   └── WrongDimensions     vectors of another length than the collection's
├── BadSetting              an environment variable with a value that makes no sense
└── CannotRun               the app can't be started as it was asked for
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class AppError(Exception):
    """Base of all errors meant for the user.

    ``user_message`` is one sentence, ``hint`` says what to do and may be empty.
    ``code`` names the kind of error for programs, which must not read it out of the sentence;
    a job that failed stores it.
    """

    code: ClassVar[str] = "error"

    def __init__(self, user_message: str, hint: str = "") -> None:
        super().__init__(user_message)
        self.user_message = user_message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.user_message} {self.hint}".strip()


class BadQuery(AppError):
    """Nothing to search for, or a query that can't be read."""

    code = "bad-query"


class UnreadableImage(AppError):
    """A file that is no picture, is damaged, or is too large.

    ``lasting``: the same bytes will be refused again by the same decoders; False where the reason may pass (permission,
    memory, a setting).
    """

    code = "unreadable-image"

    def __init__(self, user_message: str, hint: str = "", lasting: bool = False) -> None:
        super().__init__(user_message, hint)
        self.lasting = lasting


class UnreadablePath(AppError):
    """A path that does not exist or may not be read."""

    code = "unreadable-path"


class ModelError(AppError):
    """Something about a model or its weights."""

    code = "model"


class UnknownModel(ModelError):
    """A model id that is in no registry."""

    code = "unknown-model"


class WeightsMissing(ModelError):
    """The checkpoint is not on this machine."""

    code = "weights-missing"


class WeightsCorrupt(ModelError):
    """The checkpoint is there, but its bytes are not the published ones or can't be read as a model."""

    code = "weights-corrupt"


class DownloadFailed(ModelError):
    """The checkpoint could not be fetched now."""

    code = "download-failed"


class EndpointRefused(ModelError):
    """A server that describes pictures will not, whatever is asked: a wrong key, an unknown model, no answer at all."""

    code = "endpoint-refused"


class NotDescribed(ModelError):
    """A server that describes pictures gave no usable description of one, however often it was asked.

    ``sent``, ``received``: tokens that it counted for all the same, 0 where it does not say.
    """

    code = "not-described"

    def __init__(self, user_message: str, hint: str = "", sent: int = 0, received: int = 0) -> None:
        super().__init__(user_message, hint)
        self.sent = sent
        self.received = received


class LibraryError(AppError):
    """Something about the library's own files."""

    code = "library"


class LibraryBusy(LibraryError):
    """Another process owns the library.

    ``address``: where its pages are, for a link; None where it has none or that is not known.
    """

    code = "library-busy"

    def __init__(self, user_message: str, hint: str = "", address: str | None = None) -> None:
        super().__init__(user_message, hint)
        self.address = address


class LibraryNewer(LibraryError):
    """The catalogue was written by a newer version of this program."""

    code = "library-newer"


class LibraryUnusable(LibraryError):
    """The folder or the catalogue can't be read or written."""

    code = "library-unusable"


class BadInput(AppError):
    """An argument that makes no sense, said before anything was stored."""

    code = "bad-input"


class NotFound(BadInput):
    """Something is named, such as a photo by its id, that there is none of."""

    code = "not-found"


class AmbiguousName(BadInput):
    """A photo is named as several are.

    ``ids``: theirs.
    """

    code = "ambiguous-name"

    def __init__(self, user_message: str, hint: str = "", ids: Sequence[str] = ()) -> None:
        super().__init__(user_message, hint)
        self.ids = tuple(ids)


class TooMuch(BadInput):
    """More than is taken in at once."""

    code = "too-much"


class NotNow(BadInput):
    """What is named is there, and can't be had or done as it is now."""

    code = "not-now"


class WrongDimensions(BadInput):
    """Vectors of another length than the collection's."""

    code = "wrong-dimensions"


class BadSetting(AppError):
    """An environment variable with a value that makes no sense."""

    code = "bad-setting"


class CannotRun(AppError):
    """The app can't be started as it was asked for, because of its port."""

    code = "cannot-run"
