"""Runs the app as a process of its own: looks at the port, starts Streamlit, opens the browser, ends cleanly.

Only the standard library is imported: `make run` asks it before any package is installed.
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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from src.cli.called import program
from src.config import PORT, PROJECT_DIR, Settings, for_a_process, variables_set
from src.errors import BadInput, CannotRun

HOST = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
APP = "media-feature-extractor"
NAME = "Media Feature Extractor"
START_SECONDS = 60.0
END_SECONDS = 15.0
"""How long the app may take to close its library before it is told again."""


class _EndRequested(KeyboardInterrupt):
    """The system or the terminal's closing asks for the end: unlike Ctrl-C, the app has not heard of it yet."""


@dataclass(frozen=True)
class Launch:
    """How the app is to be started."""

    settings: Settings
    port: int = PORT
    opening: bool = True
    """Whether the browser is opened."""
    as_json: bool = False
    """Standard output gets the app's address as one JSON value; all else goes to standard error."""
    other_port: Callable[[int], str] = "the port {}".format
    """How another port is asked for, for the one who chose this one."""
    python: str = sys.executable
    root: Path = PROJECT_DIR
    """The folder with ``app.py``: the app's current folder too, so that nothing of the user's is imported."""
    patience: float = END_SECONDS

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def show(self) -> None:
        """The app answers: tell where, and open the browser, unless that was declined.

        On Linux only where there is a desktop: a text browser would take over the terminal.
        """
        if self.as_json:
            print(json.dumps({"url": _url(self.port)}), flush=True)
        if self.opening and (not sys.platform.startswith("linux") or variables_set(("DISPLAY", "WAYLAND_DISPLAY"))):
            webbrowser.open(_url(self.port))


# ---------------------------------------------------------------- is it running already, or something else there?


def read_port(text: str, name: str) -> int:
    """A port as it was typed; 8501 where nothing was. Raises BadInput, which calls it by that name, for none."""
    text = text.strip() or str(PORT)
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise BadInput(f"{name} is {text!r}; it must be a number from 1 to 65535.")
    return int(text)


def shown_already(launch: Launch) -> bool:
    """Whether the app runs for this library, on whichever port, or on this port: then it is shown.

    Raises CannotRun where another program has the port, or the system refuses it.
    """
    first = running_for(launch.settings.home)
    if not first and not taken(launch.port, address(launch.settings.hosts), launch.other_port):
        return False
    port = first or launch.port
    if not is_this_app(port):
        raise CannotRun(f"Port {port} is taken by another program; choose another one, as in {_another(launch)}.")
    launch.say(f"{NAME} is running already: {_url(port)}")
    Launch(launch.settings, port, launch.opening, launch.as_json).show()
    return True


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


def taken(port: int, where: str = HOST, other_port: Callable[[int], str] = Launch.other_port) -> bool:
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
                f"Port {port} can't be used ({error.strerror}); choose another one, as in {other_port(8502)}."
            ) from error
    return False


def is_this_app(port: int) -> bool:
    """Whether what answers on the port says that it is Media Feature Extractor."""
    return _health(port).get("app") == APP


def _health(port: int) -> Mapping[str, object]:
    """What answers on the port says of itself; nothing where that is no app of ours."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{_url(port)}/api/health", timeout=2) as response:
            health = json.loads(response.read(10_000))
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        return {}
    return health if isinstance(health, dict) else {}


def _another(launch: Launch) -> str:
    return launch.other_port(launch.port + 1 if launch.port < 65_535 else PORT)


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


# ---------------------------------------------------------------- running


def serve(launch: Launch) -> int:
    """Start the app and wait for its end. Ctrl-C and a request to terminate end it in order; that is exit status 0."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    if launch.settings.hosts:
        names = ", ".join(launch.settings.hosts)
        print(
            f"Reached as {names}, {NAME} asks for a token: `{program()} tokens --create NAME` makes one."
            " There is no encryption: put a reverse proxy with TLS or a VPN in front.",
            file=sys.stderr,
            flush=True,
        )
    app = subprocess.Popen(
        command(launch),
        cwd=launch.root,
        env=for_a_process(launch.settings),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if launch.as_json else None,
    )
    try:
        _announce(app, launch)
        status = app.wait()
    except KeyboardInterrupt as asked:
        _stop(app, launch.patience, told_already=not isinstance(asked, _EndRequested))
        launch.say(f"\n{NAME} has ended.")
        return 0
    if status:
        where = launch.settings.logs_dir / "app.log"
        print(f"{NAME} ended with status {status}; what it said is above and in {where}.", file=sys.stderr)
    return 1 if status else 0


def address(hosts: Sequence[str]) -> str:
    """Where the app listens: on this computer only, unless it was asked for more."""
    return EVERYWHERE if hosts else HOST


def command(launch: Launch) -> list[str]:
    """Streamlit, by default on this computer only; headless also keeps it from asking for an e-mail address.

    Told a name to show, it does not ask another machine for this one's address. What must hold whatever the user's own
    files and variables tell Streamlit is said here: nothing comes after this.
    """
    hosts = launch.settings.hosts
    options = ["--server.address", address(hosts), "--server.port", str(launch.port), "--server.headless", "true"]
    names = ["--browser.serverAddress", hosts[0]] if hosts else []
    private = ["--browser.gatherUsageStats", "false"]
    return [launch.python, "-m", "streamlit", "run", "app.py", *options, *private, *names]


def _announce(app: subprocess.Popen[bytes], launch: Launch) -> None:
    """Once the app answers, print its address and open the browser."""
    limit = time.monotonic() + START_SECONDS
    while app.poll() is None and not is_this_app(launch.port):
        if time.monotonic() > limit:
            launch.say(f"{NAME} has not answered for {START_SECONDS:.0f} s; still waiting.")
            limit = float("inf")
        time.sleep(0.1)
    if app.poll() is None:
        launch.say(f"{NAME} runs at {_url(launch.port)} (Ctrl-C ends it).")
        launch.show()


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
