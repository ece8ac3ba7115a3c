"""Installs the wheel, then the sdist, each into an environment of its own, and tries the commands there.

    python -m scripts.try_package        in the project's .venv with the test tools; minutes, and 2 GB at a time

Everything happens in a temporary folder: the commands are called from another folder than the project's, in which lie
modules that must not be imported, by a user whose own settings of Streamlit are not ours. Prints what came of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "media_feature_extractor"
DRAWN = """
import sys
from PIL import Image, ImageDraw
import pillow_heif
pillow_heif.register_heif_opener()
for number, name in enumerate(("red.jpg", "green.png", "blue.heic", "gold.avif")):
    picture = Image.new("RGB", (640, 480), name.partition(".")[0])
    ImageDraw.Draw(picture).ellipse((60 + 90 * number, 90, 300 + 90 * number, 330), fill="white")
    picture.save(f"{sys.argv[1]}/{name}")
"""
FOREIGN = 'raise SystemExit("a module of the current folder was imported")\n'
THEIRS = '[browser]\ngatherUsageStats = true\n[server]\naddress = "0.0.0.0"\nbaseUrlPath = "theirs"\nport = 8999\n'


class Failed(Exception):
    """A step did not give what it must; its text says what."""


class Installation:
    """An environment with the package in it, and a user's folders beside it."""

    def __init__(self, place: Path) -> None:
        self.place, self.home, self.here = place, place / "home", place / "elsewhere"
        (self.home / ".streamlit").mkdir(parents=True)
        (self.home / ".streamlit" / "config.toml").write_text(THEIRS)
        (self.here / "src").mkdir(parents=True)
        for name in ("src/__init__.py", "streamlit.py", "numpy.py", "app.py"):
            (self.here / name).write_text(FOREIGN)
        self.bin = place / "venv" / ("Scripts" if os.name == "nt" else "bin")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MFE_", "XDG_", "PYTHON"))}
        self.environ = {**kept, "HOME": str(self.home), "LOCALAPPDATA": str(self.home), "BROWSER": "true"}

    def install(self, file: Path) -> None:
        said([sys.executable, "-m", "venv", str(self.place / "venv")])
        said([str(self.bin / "python"), "-m", "pip", "install", "--quiet", str(file)])

    def told(self, *words: str, name: str = "mfe", **variables: str) -> str:
        """What a command prints."""
        return said([str(self.bin / name), *words], cwd=self.here, env={**self.environ, **variables})

    def asked(self, *words: str, **variables: str) -> dict[str, object]:
        """The same as JSON."""
        answer = json.loads(self.told(*words, "--json", **variables))
        return answer if isinstance(answer, dict) else {"list": answer}

    def files(self) -> dict[str, str]:
        """SHA-256 of every file of the package, by its path in it; but for what Python compiles."""
        (package,) = (self.place / "venv").rglob(f"site-packages/{PACKAGE}")
        files = (path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
        return {path.relative_to(package).as_posix(): digest(path.read_bytes()) for path in files}

    def libraries(self) -> list[Path]:
        return list(self.home.rglob("catalog.sqlite3"))

    @contextmanager
    def started(self, command: list[str], answers: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process that runs while the block does, once it answers there."""
        with (self.place / "said.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.here, env=self.environ, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_for(answers, process)
            yield process
        finally:
            process.terminate()
            process.wait(30)


def main() -> int:
    """Exit status 0 where every step gave what it must, else 1."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where this runs in the background
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        wheel, sdist = built(place / "built")
        for file in (wheel, sdist):
            print(f"== {file.name}: {file.stat().st_size / 1e6:.1f} MB", flush=True)
            (place / file.suffix).mkdir()
            try:
                tried(Installation(place / file.suffix), file, wheel)
            except (Failed, OSError, subprocess.TimeoutExpired) as error:
                print(f"FAILED: {error}", file=sys.stderr)
                return 1
    print("All of it works.")
    return 0


def built(folder: Path) -> tuple[Path, Path]:
    """The wheel as pip builds it, with the index alone, and the sdist."""
    said([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(ROOT)])
    said([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)], cwd=ROOT)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def tried(at: Installation, file: Path, wheel: Path) -> None:
    step("installed", lambda: at.install(file))
    files = at.files()
    step("every file is as in the project", lambda: compare(files, wheel))
    step("version", lambda: at.told("--version") + at.told("--version", name="media-feature-extractor"))
    photos = at.here / "photos"
    photos.mkdir()
    said([str(at.bin / "python"), "-c", DRAWN, str(photos)], env=at.environ)
    step("search before anything is there", lambda: must("First: mfe index FOLDER", at.told("search", "cat")))
    step("index (HEIC and AVIF are decoded in processes of their own)", lambda: index(at, "photos", 4))
    step("search", lambda: must("red.jpg", at.told("search", "a red picture", "--top-k", "2")))
    step("objects", lambda: at.told("objects", "--json"))
    step("export", lambda: must("4", at.told("export", "out.zip", "--pictures", "--json")))
    step("labels of a file", lambda: at.told("labels", "photos/red.jpg", "--json"))
    step("doctor", lambda: must('"findings": []', at.told("doctor", "--json")))
    step("a search index on a Chroma server", lambda: on_a_server(at))
    app(at)
    step("the library is", lambda: str([str(path.relative_to(at.home)) for path in at.libraries()]))
    step("nothing was written beside the program", lambda: same(files, at.files()))
    step("uninstalled, the library stays", lambda: uninstalled(at))


def compare(files: dict[str, str], wheel: Path) -> str:
    """The installed files are those of the project, and those that the wheel says."""
    inside = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(f"{PACKAGE}/")]
    same(set(files), {name.removeprefix(f"{PACKAGE}/") for name in inside})
    for name, found in files.items():
        path = ROOT / name if (ROOT / name).exists() else ROOT / PACKAGE / name
        same(found, digest(path.read_bytes()))
    return f"{len(files)} files"


def index(at: Installation, folder: str, most: int, *more: str, **variables: str) -> str:
    told = at.asked("index", folder, *more, **variables)
    same([told["indexed"], told["skipped"]], [most, []])
    return json.dumps(told)


def on_a_server(at: Installation) -> str:
    url = f"http://127.0.0.1:{free_port()}"
    command = [str(at.bin / "chroma"), "run", "--path", str(at.place / "chroma"), "--port", url.rpartition(":")[2]]
    other = ("--library", str(at.place / "other"))
    with at.started(command, f"{url}/api/v2/heartbeat"):
        index(at, "photos", 4, *other, MFE_CHROMA_URL=url)
        return must("red.jpg", at.told("search", "red", *other, MFE_CHROMA_URL=url))


def app(at: Installation) -> None:
    """Started, used, killed, started again and ended by Ctrl-C."""
    port = free_port()
    url, command = f"http://127.0.0.1:{port}", [str(at.bin / "mfe"), "app", "--port", str(port), "--no-open"]
    with at.started(command, f"{url}/api/health"):
        step("the app answers", lambda: fetched(f"{url}/api/health"))
        step("its page", lambda: f"{len(fetched(url))} characters")
        step("Streamlit's own address", lambda: f"{len(fetched(f'{url}/_stcore/health'))} characters")
        step("it listens", lambda: ", ".join(listening(port)))
        step(
            "a second start finds it", lambda: must("running already", at.told("app", "--port", str(port), "--no-open"))
        )
        new = at.here / "more"
        new.mkdir()
        (new / "pale.png").write_bytes((at.here / "photos" / "green.png").read_bytes() + b" ")
        step("index beside it", lambda: index(at, "more", 1))
        os.kill(int(json.loads(fetched(f"{url}/api/health"))["pid"]), signal.SIGKILL)
    step("search after it was killed", lambda: must("green.png", at.told("search", "a green picture")))
    with at.started(command, f"{url}/api/health") as process:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        step("Ctrl-C ends it", lambda: same(process.wait(60), 0))
    step("what it said", lambda: (at.place / "said.log").read_text(errors="replace"))


def listening(port: int) -> list[str]:
    """Addresses on which the port is open; Linux alone tells."""
    table = Path("/proc/net/tcp")
    rows = [line.split() for line in table.read_text().splitlines()[1:]] if table.exists() else []
    open_ = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")]
    same(open_ if rows else [], [f"0100007F:{port:04X}"] if rows else [])
    return open_


def uninstalled(at: Installation) -> str:
    said([str(at.bin / "python"), "-m", "pip", "uninstall", "--quiet", "-y", "media-feature-extractor"])
    same([path for path in (at.place / "venv").rglob(f"*{PACKAGE}*") if path.is_file()], [])
    same((at.bin / "mfe").exists(), False)
    same(len(at.libraries()), 1)
    return "and nothing else does"


# ---------------------------------------------------------------- steps


def step(name: str, do: Callable[[], object]) -> None:
    started = time.monotonic()
    print(f"{name}: {do() or 'yes'} [{time.monotonic() - started:.1f} s]".replace("\n", " "), flush=True)


def must(part: str, text: str) -> str:
    if part not in text:
        raise Failed(f"{part!r} is not in {text!r}")
    return text.strip()


def same(found: object, wanted: object) -> str:
    if found != wanted:
        raise Failed(f"found {found}, wanted {wanted}")
    return ""


def said(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a program prints. Raises Failed, with all it said, where it ends with another status than 0."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=1_800)
    if done.returncode:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def fetched(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        return str(answer.read().decode(errors="replace"))


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            fetched(url)
            return
        except OSError:
            time.sleep(0.2)
    raise Failed(f"{url} does not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
