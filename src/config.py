"""Settings: the only reader of the environment.

Every variable is listed in README's settings table (a test keeps it so).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from src.errors import BadSetting
from src.secret import Secret

PROJECT_DIR = Path(__file__).resolve().parent.parent
"""The folder with ``app.py`` and ``src``: a checkout, or the package that an installation has put somewhere."""
INSTALLED = (PROJECT_DIR / "__init__.py").exists()
"""Whether this is an installed package and no checkout, which is none."""
PORT = 8501
"""Of the app, where no other one is asked for."""

GROQ = "api.groq.com"
OWN_KEY = "MFE_VISION_API_KEY"
KEYS_OF_HOSTS: Mapping[str, str] = {GROQ: "GROQ_API_KEY", "api.openai.com": "OPENAI_API_KEY"}
"""By host, the name under which other programs know the key to it. Such a key goes to no other host."""

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?")
"""A website, as a browser names it to others; one slash at its end is forgiven."""
_OF_TERMINALS = (
    "TERM", "TERM_PROGRAM", "LC_TERMINAL", "KITTY_WINDOW_ID", "WT_SESSION", "COLORTERM", "NO_COLOR", "TMUX", "STY",
    "DISPLAY", "WAYLAND_DISPLAY",
)  # fmt: skip

Precision = Literal["auto", "fp32", "bf16"]
Device = Literal["auto", "cpu", "cuda", "mps"]


def own_home() -> Path:
    """Where the library lives unless a place is named: in the checkout, or where this system keeps a user's data."""
    if not INSTALLED:
        return PROJECT_DIR
    from platformdirs import user_data_path

    return user_data_path("media-feature-extractor", appauthor=False)


@dataclass(frozen=True)
class Settings:
    """Where the library lives and how models run."""

    home: Path = field(default_factory=own_home)
    """Folder that holds ``data/`` and ``chroma_db/``."""
    model: str | None = None
    """Model id that overrides the library's active model; None follows the library."""
    weights_path: tuple[Path, ...] = ()
    """Further folders in which checkpoints are looked for, after ``data/weights``."""
    weights_url: str | None = None
    """Base URL that replaces the publishers' hosts: ``<weights_url>/<file name>`` (a mirror on one's own network)."""
    precision: Precision = "auto"
    device: Device = "auto"
    max_megapixels: int | None = None
    """Pictures with more pixels than this are skipped before a pixel is decoded; None goes by the memory at hand."""
    chroma_url: str | None = None
    """Address of a Chroma server that keeps the search index in place of ``chroma_db/``; None keeps it there."""
    hosts: tuple[str, ...] = ()
    """Further names and addresses under which the app may be reached; with any, it listens on all interfaces."""
    origins: tuple[str, ...] = ()
    """Origins (``https://name:port``) whose pages may use the HTTP API, with a token."""
    find_duplicates: bool = True
    """Whether copies of photos are looked for by itself after photos were added."""
    system_bin: bool = False
    """Whether files may be moved to the system's bin, each after its path was confirmed."""
    vision_url: str | None = None
    """Address of the server that describes photos, where none is named otherwise."""
    vision_model: str | None = None
    """The model there, by the id that it knows it by."""
    log_level: str = "INFO"

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def chroma_dir(self) -> Path:
        return self.home / "chroma_db"

    @property
    def catalog_file(self) -> Path:
        return self.data_dir / "catalog.sqlite3"

    @property
    def uploads_dir(self) -> Path:
        return self.data_dir / "uploads"

    @property
    def exports_dir(self) -> Path:
        """Exports that are offered as downloads for a while."""
        return self.data_dir / "exports"

    @property
    def reports_dir(self) -> Path:
        """What models were found to be worth on labelled pictures."""
        return self.data_dir / "reports"

    @property
    def thumbs_dir(self) -> Path:
        return self.data_dir / "thumbs"

    @property
    def weights_dir(self) -> Path:
        return self.data_dir / "weights"

    @property
    def query_banks_dir(self) -> Path:
        return self.data_dir / "query_banks"

    @property
    def maps_dir(self) -> Path:
        return self.data_dir / "maps"

    @property
    def tokens_file(self) -> Path:
        return self.data_dir / "tokens.json"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def lock_file(self) -> Path:
        return self.data_dir / "library.lock"

    def at(self, home: Path) -> Settings:
        """The same settings for a library elsewhere."""
        return replace(self, home=_expanded(str(home)).absolute())

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the ``MFE_*`` variables. Raises BadSetting naming the variable and what it may be."""
        env = os.environ if environ is None else environ
        return replace(
            cls.who_may(env),
            model=env.get("MFE_MODEL", "").strip() or None,
            weights_path=tuple(_expanded(p) for p in env.get("MFE_WEIGHTS_PATH", "").split(os.pathsep) if p.strip()),
            weights_url=env.get("MFE_WEIGHTS_URL", "").strip().rstrip("/") or None,
            precision=cast(Precision, _one_of(env, "MFE_PRECISION", get_args(Precision))),
            device=cast(Device, _one_of(env, "MFE_DEVICE", get_args(Device))),
            max_megapixels=_positive(env, "MFE_MAX_MEGAPIXELS"),
            chroma_url=_address(env, "MFE_CHROMA_URL"),
            origins=_origins(env, "MFE_ORIGINS"),
            find_duplicates=_one_of(env, "MFE_FIND_DUPLICATES", ("on", "off")) == "on",
            system_bin=_one_of(env, "MFE_SYSTEM_BIN", ("off", "on")) == "on",
            vision_url=_address(env, "MFE_VISION_URL"),
            vision_model=env.get("MFE_VISION_MODEL", "").strip() or None,
            log_level=_one_of(env, "MFE_LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        )

    @classmethod
    def who_may(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Where the library is and under which names it may be reached, and no other setting: never refused, so that
        the doors hold whatever else is set.
        """
        env = os.environ if environ is None else environ
        home = env.get("MFE_HOME", "").strip()
        return cls(
            home=_expanded(home).absolute() if home else own_home(),
            hosts=tuple(host.strip().lower() for host in env.get("MFE_HOSTS", "").split(",") if host.strip()),
        )


def vision_keys(environ: Mapping[str, str] | None = None) -> dict[str, Secret]:
    """The keys to servers that describe photos, by the names of their variables, as far as they are set."""
    env = os.environ if environ is None else environ
    return {name: key for name in (OWN_KEY, *KEYS_OF_HOSTS.values()) if (key := Secret(env.get(name, "")))}


def for_a_process(settings: Settings) -> dict[str, str]:
    """The environment for a process with this library and this model, whatever its current folder is."""
    named = {"MFE_MODEL": settings.model} if settings.model else {}
    folders = os.pathsep.join(str(folder.absolute()) for folder in settings.weights_path)
    weights = {"MFE_WEIGHTS_PATH": folders} if folders else {}
    return {**os.environ, "MFE_HOME": str(settings.home), **named, **weights}


def variables_set(names: Sequence[str]) -> list[str]:
    """Which of these variables of other programs are set, in either case, as they are written there.

    Their values stay where they are.
    """
    spellings = (spelling for name in names for spelling in dict.fromkeys((name, name.lower())))
    return [spelling for spelling in spellings if os.environ.get(spelling)]


def terminal_says(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the terminal and the desktop tell of themselves: those of their variables that are set."""
    env = os.environ if environ is None else environ
    return {name: env[name] for name in _OF_TERMINALS if env.get(name)}


def _expanded(path: str) -> Path:
    """With ``~`` written out; where there is no such user it stands for itself."""
    return Path(os.path.expanduser(path))


def _one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """The variable's value, or the first allowed one where it is not set."""
    value = env.get(name, "").strip() or allowed[0]
    if value not in allowed:
        raise BadSetting(f"{name} is {value!r}; it may be {', '.join(allowed)}.")
    return value


def _positive(env: Mapping[str, str], name: str) -> int | None:
    """The variable's value, None where it is not set or ``auto``."""
    value = env.get(name, "").strip().lower() or "auto"
    if value == "auto":
        return None
    if not value.isdecimal() or int(value) < 1:
        raise BadSetting(f"{name} is {value!r}; it must be a whole number of at least 1, or auto.")
    return int(value)


def _origins(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Each as browsers send it: in lower case, without the scheme's own port, with no path."""
    return tuple(_origin(each.strip(), name) for each in env.get(name, "").split(",") if each.strip())


def _origin(text: str, name: str) -> str:
    found = _ORIGIN.fullmatch(text.lower())
    if not found or int(found["port"] or 1) not in range(1, 65_536):
        raise BadSetting(
            f"{name} has {text!r}; each must be an origin, such as https://photos.example or http://localhost:3000."
        )
    usual = {"http": "80", "https": "443"}[found["scheme"]]
    port = f":{int(found['port'])}" if found["port"] and int(found["port"]) != int(usual) else ""
    return f"{found['scheme']}://{found['host']}{port}"


def _address(env: Mapping[str, str], name: str) -> str | None:
    """The variable's value without slashes at its end, None where it is not set."""
    value = env.get(name, "").strip()
    if not value:
        return None
    try:
        parts = urlsplit(value)
        usable = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and not parts.query
            and not parts.fragment
            and parts.port != 0
        )
    except ValueError:
        usable = False
    if not usable:
        raise BadSetting(f"{name} is {value!r}; it must be an address such as http://127.0.0.1:8000.")
    return value.rstrip("/")
