"""What a person typed or pasted as a path, as one absolute path without detours."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

from src.errors import UnreadablePath
from src.processing.decoding.image_io import display_text


def parse_path(text: str, wanted: str = "folder", example: str = "~/Pictures") -> Path:
    """The path that is meant: the text itself where it exists, else without what people add to paths.

    Those are blanks and quotes around it, ``file://`` and ``~``. The path is absolute, without ``.``, ``..`` and
    doubled separators; a ``..`` after a link leads where the system goes, to the folder around what the link leads to.
    Raises UnreadablePath where nothing was typed, with what is wanted and an example, or where it can be no path.
    """
    meanings = _meanings(text)
    meant = next((meaning for meaning in meanings if meaning and _exists(meaning)), meanings[-1])
    if not meant:
        raise UnreadablePath(f"No {wanted} was given.", f"Type its path, such as {example}.")
    return direct(meant)


def direct(path: str) -> Path:
    """An absolute path without detours, see ``parse_path``."""
    try:
        whole = Path(os.getcwd(), path) if not os.path.isabs(path) else Path(path)
    except OSError as error:
        raise UnreadablePath(
            "The folder in which this was started is not there any more.", "Give the whole path."
        ) from error
    straight = Path(whole.anchor)
    straight = Path(os.sep) if str(straight) == "//" else straight
    for part in whole.relative_to(whole.anchor).parts:
        if part == "..":
            straight = (Path(os.path.realpath(straight)) if os.path.islink(straight) else straight).parent
        else:
            straight /= part
    return straight


def _meanings(text: str) -> list[str]:
    """What a text may mean, the most literal first; the last is empty where nothing is left of it."""
    found = [text]
    bare = text.strip()
    quoted = re.fullmatch(r"""(["'])(.*)\1""", bare, re.DOTALL)
    found += [bare, *([quoted[2], quoted[2].strip()] if quoted else [])]
    if found[-1].lower().startswith("file:"):
        found.append(_from_url(found[-1]))
    found.append(os.path.expanduser(found[-1]))
    return found


def _from_url(url: str) -> str:
    """The path of a ``file:`` address, its host left out; any bytes may be in it."""
    path = re.sub("^//[^/]*", "", url[len("file:") :])
    path = os.fsdecode(unquote_to_bytes(path.encode("utf-8", "surrogateescape")))
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path  # file:///C:/Users/... on Windows


def _exists(path: str) -> bool:
    """Raises UnreadablePath for what can be no path."""
    try:
        os.lstat(path)
    except UnicodeEncodeError as error:
        raise UnreadablePath("That is no path: it holds a character that no file name can have.") from error
    except ValueError as error:
        raise UnreadablePath(f"{display_text(Path(path))} is no path: it holds a NUL character.") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UnreadablePath(
                "That is too long for a path.", f"It begins with {display_text(Path(path[:60]))}."
            ) from error
        return False
    return True
