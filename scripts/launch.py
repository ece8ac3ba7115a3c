"""Runs the app on this computer: checks the port, starts Streamlit in ``.venv``, opens the browser, ends cleanly.

Standard library only.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scripts import environment

HOST = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
APP = "media-feature-extractor"
NAME = "Media Feature Extractor"
START_SECONDS = 60.0
END_SECONDS = 15.0
"""How long the app may take to close its library before it is told again."""


class _EndRequested(KeyboardInterrupt):
    """The system or the terminal's closing asks for the end: unlike Ctrl-C, the app has not heard of it yet."""


class CannotRun(Exception):
    """The app can't be started; its text is the one sentence to show."""


def main(environ: Mapping[str, str]) -> int:
    """Set up, then run until the app ends or Ctrl-C. Exit status 0, or 1 with one sentence."""
    try:
        port, hosts = port_of(environ), hosts_of(environ)
        opening = environ.get("OPEN", "1").strip() != "0"
        first = running_for(home_of(environ))
        if first or taken(port, address(hosts)):
            return _already(first or port, opening)
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 1
    status = environment.attempt("run")
    return status or serve(port, opening, hosts)


def hosts_of(environ: Mapping[str, str]) -> list[str]:
    """``MFE_HOSTS``: further names of this computer under which the app is to be reached; the app itself answers to no
    others.
    """
    return [host.strip() for host in environ.get("MFE_HOSTS", "").split(",") if host.strip()]


def address(hosts: Sequence[str]) -> str:
    """Where the app listens: on this computer only, unless it was asked for more."""
    return EVERYWHERE if hosts else HOST


def home_of(environ: Mapping[str, str]) -> Path:
    """The folder of the library, as the app itself finds it."""
    home = environ.get("MFE_HOME", "").strip()
    return Path(home).expanduser().absolute() if home else environment.ROOT


def running_for(home: Path) -> int | None:
    """The port of the app that has this library open now, on whichever port that is; None where none does or it can't
    be told.
    """
    try:
        owner = json.loads((home / "data" / "library.owner.json").read_bytes())
        pid, port = int(owner["pid"]), int(owner["port"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    health = _health(port) if 1 <= port <= 65_535 else {}
    # else a killed app left the file behind
    return port if health.get("app") == APP and health.get("pid") == pid else None


def port_of(environ: Mapping[str, str]) -> int:
    """``PORT``, 8501 where it is not set. Raises CannotRun for one that is none."""
    value = environ.get("PORT", "").strip() or "8501"
    if not value.isdecimal() or not 1 <= int(value) <= 65_535:
        raise CannotRun(f"PORT is {value!r}; it must be a number from 1 to 65535.")
    return int(value)


def taken(port: int, where: str = HOST) -> bool:
    """Whether something listens there already. Raises CannotRun where the system refuses the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((HOST, port)) == 0:
            return True
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((where, port))
        except OSError as error:
            raise CannotRun(
                f"Port {port} can't be used ({error.strerror}); choose another one, as in `make run PORT=8502`."
            ) from error
    return False


def is_this_app(port: int) -> bool:
    """Whether what answers on the port says that it is Media Feature Extractor."""
    return _health(port).get("app") == APP


def _health(port: int) -> dict[str, object]:
    """What answers on the port says of itself; nothing where that is no app of ours."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{_url(port)}/api/health", timeout=2) as response:
            health = json.loads(response.read(10_000))
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        return {}
    return health if isinstance(health, dict) else {}


def _already(port: int, opening: bool) -> int:
    if not is_this_app(port):
        raise CannotRun(
            f"Port {port} is taken by another program; choose another one, as in `make run PORT={_next(port)}`."
        )
    print(f"{NAME} is running already: {_url(port)}", flush=True)
    _open_browser(port, opening)
    return 0


def _next(port: int) -> int:
    return port + 1 if port < 65_535 else 8501


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _open_browser(port: int, opening: bool) -> None:
    """Show the app, unless that was declined or Linux has no desktop here (a text browser would take over the
    terminal).
    """
    desktop = not sys.platform.startswith("linux") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if opening and desktop:
        webbrowser.open(_url(port))


# ---------------------------------------------------------------- running


def serve(
    port: int, opening: bool, hosts: Sequence[str] = (), root: Path = environment.ROOT, patience: float = END_SECONDS
) -> int:
    """Start the app and wait for its end. Ctrl-C and a request to terminate end it in order; that is exit status 0."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    if hosts:
        names = ", ".join(hosts)
        print(
            f"There is no password: whoever reaches this computer as {names} sees, adds and clears photos.",
            file=sys.stderr,
            flush=True,
        )
    app = subprocess.Popen(command(port, hosts, root), cwd=root, stdin=subprocess.DEVNULL)
    try:
        _announce(app, port, opening)
        status = app.wait()
    except KeyboardInterrupt as asked:
        _stop(app, patience, told_already=not isinstance(asked, _EndRequested))
        print(f"\n{NAME} has ended.", flush=True)
        return 0
    if status:
        print(f"{NAME} ended with status {status}; what it said is above and in data/logs/app.log.", file=sys.stderr)
    return 1 if status else 0


def command(port: int, hosts: Sequence[str] = (), root: Path = environment.ROOT) -> list[str]:
    """Streamlit, by default on this computer only; headless also keeps it from asking for an e-mail address.

    Told a name to show, it does not ask another machine for this one's address.
    """
    python = str(environment.venv_python(root))
    options = ["--server.address", address(hosts), "--server.port", str(port), "--server.headless", "true"]
    names = ["--browser.serverAddress", hosts[0]] if hosts else []
    return [python, "-m", "streamlit", "run", "app.py", *options, *names]


def _announce(app: subprocess.Popen[bytes], port: int, opening: bool) -> None:
    """Once the app answers, print its address and open the browser."""
    limit = time.monotonic() + START_SECONDS
    while app.poll() is None and not is_this_app(port):
        if time.monotonic() > limit:
            print(f"{NAME} has not answered for {START_SECONDS:.0f} s; still waiting.", flush=True)
            limit = float("inf")
        time.sleep(0.1)
    if app.poll() is None:
        print(f"{NAME} runs at {_url(port)} (Ctrl-C ends it).", flush=True)
        _open_browser(port, opening)


def _stop(app: subprocess.Popen[bytes], patience: float, told_already: bool) -> None:
    """Wait for the app's end (the terminal's Ctrl-C has reached it too); one that does not end is told to, then made
    to.
    """
    for end in (None, app.terminate, app.kill)[0 if told_already else 1 :]:
        if end is not None:
            end()
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            app.wait(timeout=patience)
            return


def _interrupt(number: int, frame: object) -> None:
    raise _EndRequested
