"""The set-up scripts: their sentences, when they install, what they do about a taken port, and how they end."""

import ast
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import checks, environment, gate
from scripts import launch as scripted
from src.cli import arguments, launch
from src.config import Settings
from src.errors import BadInput
from tests import spread
from tests.chromium import find_chromium, must_have_browser

ROOT = environment.ROOT
ENTRIES = ("setup.py", "run.py", "test.py")
posix = pytest.mark.skipif(os.name != "posix", reason="signals and shell scripts are POSIX")


@contextmanager
def server(answer: bytes, status: int = 200) -> Iterator[int]:
    """Something on a port of this machine that answers every GET so; gives the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield running.server_port
    finally:
        running.shutdown()
        running.server_close()


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with requirements files and nothing installed."""
    (tmp_path / "requirements.txt").write_text("# run time\nstreamlit==1\ntorch==2.13.0\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npytest==1\n")
    (tmp_path / "requirements-train.txt").write_text("-r requirements-dev.txt\nonnx==1\n")
    return tmp_path


class Installer:
    """Stands in for venv and pip: remembers pip's arguments, fails on demand."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch):
        self.calls: list[tuple[str, ...]] = []
        self.fails = False
        self.asked: list[str] = []
        self.index_answers = False
        monkeypatch.setattr(environment, "_make_venv", self.make_venv)
        monkeypatch.setattr(environment, "_pip", self.pip)
        monkeypatch.setattr(environment, "wants_cpu_build", lambda: True)
        monkeypatch.setattr(environment, "reachable", lambda url: self.asked.append(url) or self.index_answers)

    def make_venv(self, root: Path) -> None:
        python = environment.venv_python(root)
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    def pip(self, root: Path, *arguments: str) -> int:
        self.calls.append(arguments)
        return int(self.fails)


@pytest.fixture
def installer(project: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    return Installer(project, monkeypatch)


# ---------------------------------------------------------------- Python versions and venv


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 0), (3, 10, 14), (3, 15, 0), (4, 0, 0)])
def test_an_unsupported_python_gets_one_sentence(version):
    sentence = gate.complaint(version)
    assert f"Python {version[0]}.{version[1]}," in sentence
    assert "3.11 to 3.14" in sentence and "PYTHON=" in sentence and "\n" not in sentence


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 7, "final", 0), (3, 14, 1)])
def test_supported_pythons_pass(version):
    assert gate.complaint(version) == ""


def test_the_gate_ends_the_program_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 8, 2))
    with pytest.raises(SystemExit) as caught:
        gate.require_python()
    assert caught.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", [*ENTRIES, "gate.py"])
def test_what_runs_before_the_gate_is_read_by_old_pythons_too(name):
    tree = ast.parse((ROOT / "scripts" / name).read_text(encoding="utf-8"), feature_version=(3, 4))
    modern = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.AsyncFunctionDef, ast.Starred)
    assert [node for node in ast.walk(tree) if isinstance(node, modern)] == []
    assert [
        arg.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for arg in node.args if arg.annotation
    ] == []


@pytest.mark.parametrize("name", ENTRIES)
def test_the_gate_comes_before_anything_modern(name):
    lines = (ROOT / "scripts" / name).read_text(encoding="utf-8").splitlines()
    imports = [line for line in lines if line.startswith(("import", "from")) or "require_python()" in line]
    assert imports[:4] == ["import os", "import sys", "from scripts import gate  # noqa: E402", "gate.require_python()"]


@pytest.mark.parametrize("lacking", ["venv", "ensurepip"])
def test_a_missing_venv_module_gets_one_sentence_with_the_package_name(project, monkeypatch, capsys, lacking):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == lacking else real(name))
    assert environment.attempt("run", project) == 1
    told = capsys.readouterr().err
    assert "apt install python3-venv" in told and told.count("\n") == 1
    assert not (project / ".venv").exists()


# ---------------------------------------------------------------- installing only when something changed


def test_the_second_call_does_nothing_at_all(project, installer, capsys):
    assert environment.attempt("run", project) == 0
    assert installer.calls == [("install", "-r", str(project / "requirements.txt"))]
    assert re.search(r"about \d+ MB.*minutes", capsys.readouterr().out)
    assert environment.attempt("run", project) == 0
    assert len(installer.calls) == 1
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("changed", ["requirements.txt", "requirements-dev.txt"])
def test_a_changed_requirement_installs_again_included_files_too(project, installer, changed):
    environment.ensure("dev", project)
    (project / changed).write_text((project / changed).read_text() + "rich==15\n")
    environment.ensure("dev", project)
    assert len(installer.calls) == 2


def test_the_fingerprint_knows_python_and_machine(project, monkeypatch):
    before = environment.fingerprint("run", project)
    assert before == environment.fingerprint("run", project) != environment.fingerprint("dev", project)
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert environment.fingerprint("run", project) != before
    monkeypatch.undo()
    monkeypatch.setattr(environment.platform, "machine", lambda: "another")
    assert environment.fingerprint("run", project) != before


def test_the_test_tools_include_what_the_app_needs(project, installer):
    environment.ensure("dev", project)
    environment.ensure("run", project)
    assert len(installer.calls) == 1


def test_the_app_first_and_the_test_tools_later_are_both_installed(project, installer):
    environment.ensure("run", project)
    environment.ensure("dev", project)
    environment.ensure("run", project)
    assert [call[-1] for call in installer.calls] == [
        str(project / "requirements.txt"),
        str(project / "requirements-dev.txt"),
    ]


def test_an_installation_that_failed_is_taken_up_again(project, installer, capsys):
    installer.fails = True
    assert environment.attempt("run", project) == 1
    assert "same command again" in capsys.readouterr().err
    installer.fails = False
    assert environment.attempt("run", project) == 0
    assert len(installer.calls) == 2


def test_an_interrupted_installation_is_taken_up_again(project, installer, monkeypatch, capsys):
    def interrupted(root, *arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "_pip", interrupted)
    assert environment.attempt("run", project) == 130
    assert "goes on from there" in capsys.readouterr().err
    monkeypatch.setattr(environment, "_pip", installer.pip)
    assert environment.attempt("run", project) == 0


@pytest.mark.parametrize("damage", ["", "[1]", "{", "[" * 100_000], ids=["empty", "list", "open", "deep"])
def test_a_damaged_note_installs_again(project, installer, damage):
    environment.ensure("run", project)
    (project / ".venv" / "installed.json").write_text(damage)
    environment.ensure("run", project)
    assert len(installer.calls) == 2


def test_an_environment_that_is_gone_is_made_again(project, installer):
    environment.ensure("run", project)
    environment.venv_python(project).unlink()
    environment.ensure("run", project)
    assert len(installer.calls) == 2


def test_a_real_environment_is_made_kept_and_made_anew_for_another_python(project, monkeypatch):
    monkeypatch.setattr(environment, "_pip", lambda *_: 0)
    environment.ensure("run", project)
    assert environment._venv_version(project) == sys.version_info[:2]
    subprocess.run([environment.venv_python(project), "-m", "pip", "--version"], check=True, capture_output=True)
    mark = project / ".venv" / "mark"
    mark.touch()
    environment.ensure("dev", project)
    assert mark.exists()
    config = project / ".venv" / "pyvenv.cfg"
    config.write_text(re.sub(r"version = .*", "version = 3.9.1", config.read_text()))
    environment.ensure("train", project)
    assert not mark.exists()
    assert environment._venv_version(project) == sys.version_info[:2]


def test_an_environment_in_which_an_installation_was_cut_short_is_made_again(project, monkeypatch):
    """pip takes a package that was being unpacked when it was stopped for complete: nothing there can be trusted."""
    made: list[list[str]] = []

    def run(command, **_):
        made.append(command)
        return Installer.make_venv(None, project) or subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(environment.subprocess, "run", run)
    monkeypatch.setattr(environment, "_venv_version", lambda root: sys.version_info[:2])
    monkeypatch.setattr(environment, "_pip", lambda *_: 1)
    assert environment.attempt("run", project) == 1
    monkeypatch.setattr(environment, "_pip", lambda *_: 0)
    assert environment.attempt("run", project) == 0
    assert environment.attempt("dev", project) == 0
    assert [command[1:4] for command in made] == [["-m", "venv", "--clear"]] * 2


def test_every_requirement_of_this_project_is_pinned():
    for kind in environment.REQUIREMENTS.values():
        lines = [line for line in (ROOT / kind).read_text().splitlines() if line and not line.startswith(("#", "-r "))]
        assert lines and all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line) for line in lines)
    assert environment.torch_pin() == "torch==2.13.0"


def test_packages_that_only_bring_files_come_last_without_what_their_code_needs(project, installer):
    environment.ensure("run", project)
    installer.calls.clear()
    alone = project / environment.FILES_ALONE
    alone.write_text("models==1 --hash=sha256:0\n")
    environment.ensure("run", project)
    assert installer.calls[-1] == ("install", "--require-hashes", "--no-deps", "-r", str(alone))
    installer.calls.clear()
    environment.ensure("run", project)
    assert installer.calls == [], "a second call finds all there"
    for line in (environment.ROOT / environment.FILES_ALONE).read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[a-z]+==[0-9.]+ --hash=sha256:[0-9a-f]{64}", line)


# ---------------------------------------------------------------- the CPU build of torch


LOCK = re.compile(r"(?P<name>[a-z0-9.-]+)==(?P<version>\S+) (?:\\\n    --hash=sha256:[0-9a-f]{64}\s?)+")


def locked(name: str) -> dict[str, str]:
    """Name and version of every package in a lock file, which must hold nothing else."""
    text = (environment.ROOT / name).read_text()
    body = "".join(f"{line}\n" for line in text.splitlines() if not line.startswith(("#", "-r ")))
    found = {match["name"]: match["version"] for match in LOCK.finditer(body)}
    assert len(found) == body.count("==") and not LOCK.sub("", body).strip(), (
        "every package has hashes, and there is nothing else"
    )
    return found


def test_the_lock_files_hold_every_requirement_but_torch_with_hashes_and_name_no_index():
    app, tools = locked("requirements.lock"), locked("requirements-dev.lock")
    assert not app.keys() & tools.keys() and len(app) > 80 and len(tools) > 20
    for kind, held in (("run", app), ("dev", app | tools)):
        for file in environment._requirement_files(environment.ROOT / environment.REQUIREMENTS[kind]):
            pins = dict(line.strip().split("==") for line in file.read_text().splitlines() if "==" in line)
            assert {name: held.get(name) for name in pins if name != "torch"} == {
                name: pins[name] for name in pins if name != "torch"
            }
    for name in environment.LOCKS.values():
        assert "://" not in (environment.ROOT / name).read_text()


@pytest.mark.parametrize(("kind", "lock"), [*environment.LOCKS.items(), ("train", "requirements-dev.lock")])
def test_where_the_lock_was_tried_its_hashes_are_demanded_first(project, installer, monkeypatch, kind, lock):
    monkeypatch.setattr(environment.platform, "system", lambda: "Linux")
    monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")
    version = ".".join(map(str, sys.version_info[:2]))
    (project / lock).write_text(f"{environment.TRIED}Linux-x86_64-{version}\n")
    environment.ensure(kind, project)
    demanded = [call for call in installer.calls if "--require-hashes" in call]
    assert len(demanded) == 1 and {"--no-deps", str(project / lock)} <= set(demanded[0])
    assert installer.calls.index(demanded[0]) < len(installer.calls) - 1, "what it does not hold is added after it"
    (project / lock).write_text(f"{environment.TRIED}Plan9-x86_64-{version}\n")
    assert environment.lock_for(kind, project) is None
    installer.calls.clear()
    environment.ensure(kind, project)
    assert installer.calls and not any("--require-hashes" in call for call in installer.calls), (
        "a changed lock installs again"
    )


def test_a_file_with_another_hash_ends_the_set_up(project, installer, monkeypatch, capsys):
    monkeypatch.setattr(environment, "lock_for", lambda *_: project / "requirements.lock")
    monkeypatch.setattr(environment, "_pip", lambda root, *arguments: 1 if "--require-hashes" in arguments else 0)
    assert environment.attempt("run", project) == 1
    assert "could not be installed as requirements.lock wants them" in capsys.readouterr().err


def test_the_cpu_build_is_taken_first_where_its_index_answers(project, installer):
    installer.index_answers = True
    environment.ensure("run", project)
    assert installer.asked == ["https://download.pytorch.org/whl/cpu/torch/"]
    first, second = installer.calls
    assert (
        first[:3] == ("install", "--index-url", "https://download.pytorch.org/whl/cpu") and first[-1] == "torch==2.13.0"
    )
    assert second[-1].endswith("requirements.txt")


def test_a_cpu_build_that_can_not_be_had_does_not_stop_the_set_up(project, installer, monkeypatch, capsys):
    installer.index_answers = True
    monkeypatch.setattr(
        environment, "_pip", lambda root, *arguments: installer.pip(root, *arguments) or int("--index-url" in arguments)
    )
    assert environment.attempt("run", project) == 0
    assert "usual build" in capsys.readouterr().out


def test_the_index_is_not_asked_where_torch_is_there_already(project, installer):
    (project / ".venv" / "lib" / "python3.11" / "site-packages" / "torch-2.13.0+cpu.dist-info").mkdir(parents=True)
    environment.ensure("dev", project)
    assert installer.asked == []


def test_the_announcement_tells_what_is_coming(monkeypatch):
    monkeypatch.setattr(environment.platform, "system", lambda: "Linux")
    monkeypatch.setattr(environment, "wants_cpu_build", lambda: True)
    assert "about 450 MB," in environment.announcement("run", has_torch=False, on_cpu_index=True)
    assert "3,050 MB where" in environment.announcement("run", has_torch=False, on_cpu_index=False)
    assert "up to date" in environment.announcement("dev", has_torch=True, on_cpu_index=False)
    monkeypatch.setattr(environment, "wants_cpu_build", lambda: False)
    assert "CUDA" in environment.announcement("run", has_torch=False, on_cpu_index=False)
    monkeypatch.setattr(environment.platform, "system", lambda: "Darwin")
    assert "about 450 MB," in environment.announcement("run", has_torch=False, on_cpu_index=False)


def test_only_linux_without_an_nvidia_driver_wants_the_cpu_build(monkeypatch):
    monkeypatch.setattr(environment.platform, "system", lambda: "Linux")
    monkeypatch.setattr(environment.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert not environment.wants_cpu_build()
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    monkeypatch.setattr(environment.Path, "exists", lambda self: False)
    assert environment.wants_cpu_build()
    monkeypatch.setattr(environment.platform, "system", lambda: "Darwin")
    assert not environment.wants_cpu_build()


def test_an_index_that_answers_is_reachable_and_one_that_refuses_is_not():
    with server(b"<a>torch</a>") as port:
        assert environment.reachable(f"http://127.0.0.1:{port}/torch/")
    with server(b"no", status=403) as port:
        assert not environment.reachable(f"http://127.0.0.1:{port}/torch/")
    started = time.monotonic()
    assert not environment.reachable(f"http://127.0.0.1:{free_port()}/torch/")
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http_proxy", "http://127.0.0.1:port"),
        ("http_proxy", "socks://127.0.0.1:1"),
        ("all_proxy", "x://"),
        ("SSL_CERT_FILE", "/nowhere"),
    ],
)
def test_network_settings_of_no_use_make_no_traceback(monkeypatch, capfd, name, value):
    monkeypatch.setenv(name, value)
    for asked in (
        f"http://127.0.0.1:{free_port()}/torch/",
        f"https://127.0.0.1:{free_port()}/torch/",
        "http://127.0.0.1:port/",
    ):
        assert not environment.reachable(asked)
    assert capfd.readouterr() == ("", "")


def test_an_index_that_never_answers_costs_three_seconds():
    with black_hole() as port:
        started = time.monotonic()
        assert not environment.reachable(f"http://127.0.0.1:{port}/torch/")
        assert time.monotonic() - started < environment.PROBE_SECONDS + 0.5


def test_a_resolver_that_hangs_costs_no_more_than_the_deadline(monkeypatch):
    hung = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: hung.wait(20) and [])
    started = time.monotonic()
    assert not environment.reachable("http://nowhere.example/torch/", seconds=0.3)
    assert time.monotonic() - started < 1
    hung.set()


# ---------------------------------------------------------------- the port


def test_the_port_is_8501_or_what_port_says():
    assert scripted.launch_of({}).port == scripted.launch_of({"PORT": " "}).port == 8501
    assert scripted.launch_of({"PORT": "9000"}).port == 9000
    for wrong in ("0", "65536", "-1", "http", "80 81"):
        with pytest.raises(BadInput, match=r"PORT is .* 1 to 65535"):
            scripted.launch_of({"PORT": wrong})


def test_what_make_run_asks_before_the_set_up_needs_no_package():
    code = "import sys; sys.path.insert(0, sys.argv[1]); import scripts.launch; print(sys.flags.no_site)"
    command = [sys.executable, "-I", "-S", "-c", code, str(ROOT)]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout == "1\n"


def test_a_setting_that_makes_no_sense_ends_the_start_with_its_name(browser, capsys):
    assert scripted.main({"PORT": str(free_port()), "MFE_DEVICE": "tpu"}) == 1
    told = capsys.readouterr().err
    assert told.startswith("MFE_DEVICE is 'tpu'") and told.count("\n") == 1


def test_a_free_port_is_free_and_the_health_of_nothing_is_nothing():
    port = free_port()
    assert not launch.taken(port)
    assert not launch.is_this_app(port)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were opened; there is a desktop."""
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(launch.webbrowser, "open", opened.append)
    monkeypatch.setattr(environment, "attempt", lambda *_: pytest.fail("it must not set anything up"))
    return opened


@pytest.mark.parametrize("answer", [b"hello", b"[]", b'{"app": "something else"}', b"\xff\xfe", b"[" * 10_000])
def test_a_port_taken_by_another_program_is_told_with_the_way_out(browser, capsys, answer):
    with server(answer) as port:
        assert scripted.main({"PORT": str(port)}) == 1
    told = capsys.readouterr().err
    assert f"Port {port} is taken by another program" in told and f"PORT={port + 1}" in told and told.count("\n") == 1
    assert browser == []


def test_a_port_taken_by_a_program_that_says_nothing_is_another_program(browser, capsys):
    with black_hole() as port:
        assert scripted.main({"PORT": str(port)}) == 1
    assert "another program" in capsys.readouterr().err


@pytest.mark.parametrize(("opening", "opened"), [("1", True), ("0", False)])
def test_a_port_taken_by_this_app_opens_it(browser, capsys, opening, opened):
    with server(json.dumps({"app": "media-feature-extractor", "status": "ok"}).encode()) as port:
        assert scripted.main({"PORT": str(port), "OPEN": opening}) == 0
        url = f"http://127.0.0.1:{port}"
    assert f"running already: {url}" in capsys.readouterr().out
    assert browser == ([url] if opened else [])


def test_the_command_app_tells_how_it_gets_another_port(browser, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MFE_HOME", str(tmp_path))
    with server(b"hello") as port:
        assert arguments.main(["app", "--port", str(port)]) == 1
    told = capsys.readouterr().err
    assert f"choose another one, as in `python -m src.cli app --port {port + 1}`." in told and told.count("\n") == 1
    assert arguments.main(["app", "--port", "99999"]) == 2
    assert capsys.readouterr().err == "--port is '99999'; it must be a number from 1 to 65535.\n"
    assert browser == [] and list(tmp_path.iterdir()) == []


def test_the_command_app_shows_the_one_that_runs(browser, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MFE_HOME", str(tmp_path))
    with server(json.dumps({"app": "media-feature-extractor"}).encode()) as port:
        assert arguments.main(["app", "--port", str(port), "--json"]) == 0
        url = f"http://127.0.0.1:{port}"
    told = capsys.readouterr()
    assert json.loads(told.out) == {"url": url} and "running already" in told.err and browser == [url]
    assert arguments.main(["app", "--library", str(tmp_path / "none"), "--no-open"]) == 1
    assert "There is no library in" in capsys.readouterr().err


@contextmanager
def library(home: Path, owner: object) -> Iterator[dict[str, str]]:
    """A library that says who has it; gives the environment of a second start on another port."""
    (home / "data").mkdir(parents=True)
    (home / "data" / "library.owner.json").write_text(owner if isinstance(owner, str) else json.dumps(owner))
    yield {"MFE_HOME": str(home), "PORT": str(free_port())}


def test_a_library_that_is_open_on_another_port_is_opened_there(browser, capsys, tmp_path):
    with server(json.dumps({"app": "media-feature-extractor", "pid": 4321}).encode()) as port:
        with library(tmp_path / "library", {"pid": 4321, "port": port}) as environ:
            assert scripted.main(environ) == 0
        url = f"http://127.0.0.1:{port}"
    assert capsys.readouterr().out == f"Media Feature Extractor is running already: {url}\n"
    assert browser == [url]


@pytest.mark.parametrize(
    "answer",
    [b'{"app": "media-feature-extractor", "pid": 1234}', b'{"app": "another", "pid": 4321}', b"[]", b"\xff", b""],
)
def test_what_a_killed_app_left_behind_opens_nothing(tmp_path, answer):
    with server(answer) as port, library(tmp_path / "library", {"pid": 4321, "port": port}) as environ:
        assert launch.running_for(Settings.from_env(environ).home) is None
    assert launch.running_for(Settings.from_env(environ).home) is None, "nor does a port where nothing is"


@pytest.mark.parametrize(
    "owner",
    [
        *(
            "",
            "{",
            "[]",
            "null",
            {},
            {"pid": 1},
            {"pid": 1, "port": None},
            {"pid": 1, "port": 99999},
            {"pid": "x", "port": 1},
        ),
        *("[" * 100_000, '{"pid": 1e999, "port": 1}'),
    ],
    ids=lambda owner: str(owner)[:24],
)
def test_an_owner_that_can_not_be_read_is_nobody(tmp_path, owner):
    with library(tmp_path / "library", owner) as environ:
        assert launch.running_for(Settings.from_env(environ).home) is None


def test_the_app_says_who_has_the_library_where_it_is_looked_for(tmp_path):
    settings = Settings.from_env({"MFE_HOME": str(tmp_path)})
    assert settings.lock_file.with_suffix(".owner.json") == settings.home / "data" / "library.owner.json"


def test_without_a_desktop_no_text_browser_takes_the_terminal(browser, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    launch.Launch(Settings()).show()
    assert browser == []


# ---------------------------------------------------------------- running

STUB = """
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
port = int(sys.argv[sys.argv.index("--server.port") + 1])
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(json.dumps({"app": "media-feature-extractor"}).encode())
    def log_message(self, *_): pass
print("arguments", sys.argv[1:], "stdin", repr(sys.stdin.read()), flush=True)
signal.signal(signal.SIGINT, signal.SIG_IGN if "STUBBORN" in os.environ else lambda *_: sys.exit(1))
if "BROKEN" in os.environ: sys.exit(7)
HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def start_stub(
    root: Path, port: int, hosts: tuple[str, ...] = (), as_json: bool = False, **variables: str
) -> subprocess.Popen[str]:
    """``launch.serve`` in a process group of its own, with a stand-in for Streamlit."""
    (root / "stub.py").write_text(STUB)
    python = environment.venv_python(root)
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{root / "stub.py"}" "$@"\n')
    python.chmod(0o755)
    code = (
        # also where tests run in the background
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from pathlib import Path; from src.cli.launch import Launch, serve; from src.config import Settings;"
        f"settings = Settings(home=Path({str(root)!r}), hosts={hosts!r});"
        f"more = {{'python': {str(python)!r}, 'root': settings.home, 'patience': 1.0, 'as_json': {as_json}}};"
        f"raise SystemExit(serve(Launch(settings, {port}, False, **more)))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if as_json else subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    seen = ""
    for line in process.stdout or ():
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} was never said: {seen}")


@posix
@pytest.mark.parametrize("how", ["Ctrl-C", "the script alone", "terminate"])
def test_it_runs_on_this_computer_only_and_ends_cleanly(tmp_path, how):
    port = free_port()
    process = start_stub(tmp_path, port)
    said = read_until(process, f"runs at http://127.0.0.1:{port} ")
    assert "'--browser.gatherUsageStats', 'false'" in said, "whatever the user's own files tell Streamlit"
    assert "'--server.address', '127.0.0.1'" in said and "'--server.headless', 'true'" in said and "stdin ''" in said
    if how == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT if how == "the script alone" else signal.SIGTERM)
    rest = process.communicate(timeout=20)[0]
    assert process.returncode == 0
    assert "has ended" in rest and "Traceback" not in rest
    assert not launch.taken(port)


@posix
def test_further_hosts_open_it_to_the_network_with_a_warning(tmp_path):
    port = free_port()
    process = start_stub(tmp_path, port, ("nas.local", "192.168.1.5"))
    said = read_until(process, "runs at")
    assert "'--server.address', '0.0.0.0'" in said and "'--browser.serverAddress', 'nas.local'" in said
    assert said.count("Reached as nas.local, 192.168.1.5, Media Feature Extractor asks for a token") == 1
    process.send_signal(signal.SIGTERM)
    assert "no encryption" not in process.communicate(timeout=20)[0] and process.returncode == 0
    assert launch.address([]) == "127.0.0.1"


@posix
def test_an_app_that_does_not_listen_to_ctrl_c_is_ended_all_the_same(tmp_path):
    port = free_port()
    process = start_stub(tmp_path, port, STUBBORN="1")
    read_until(process, "runs at")
    os.killpg(process.pid, signal.SIGINT)
    rest = process.communicate(timeout=20)[0]
    assert process.returncode == 0 and "Traceback" not in rest
    assert not launch.taken(port)


@posix
def test_an_app_that_does_not_start_is_told(tmp_path):
    process = start_stub(tmp_path, free_port(), BROKEN="1")
    said = process.communicate(timeout=20)[0]
    assert process.returncode == 1
    assert "ended with status 7" in said and "runs at" not in said
    assert str(tmp_path / "data" / "logs" / "app.log") in said


@posix
def test_as_json_standard_output_has_the_address_and_nothing_else(tmp_path):
    port = free_port()
    process = start_stub(tmp_path, port, as_json=True)
    told = read_until(process, "url")
    process.send_signal(signal.SIGTERM)
    rest, said = process.communicate(timeout=20)
    assert json.loads(told + rest) == {"url": f"http://127.0.0.1:{port}"}
    assert "runs at" in said and "has ended" in said and process.returncode == 0


# ---------------------------------------------------------------- make, checks, the browser of the tests


@pytest.mark.skipif(
    shutil.which("make") is None, reason="needs make, which this machine lacks; README has the steps without it"
)
def test_clean_removes_what_can_be_made_again_and_never_the_library(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = [
        tmp_path / "data" / "catalog.sqlite3",
        tmp_path / "data" / "__pycache__" / "mine",
        tmp_path / "chroma_db" / "index",
    ]
    gone = [
        tmp_path / ".venv" / "bin" / "python",
        tmp_path / "src" / "__pycache__" / "x.pyc",
        tmp_path / ".mypy_cache" / "x",
    ]
    for path in (*kept, *gone, *(tmp_path / name / "x.py" for name in ("tests", "scripts", "benchmarks", "training"))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert all(path.exists() for path in kept)
    assert not any(path.parent.exists() for path in gone)


def test_checks_stop_at_the_first_failure_and_lint_alone_runs_no_tests(monkeypatch):
    ran: list[str] = []
    statuses = {"ruff": 0, "mypy": 0, "pytest": 5}

    def run(command, env, **_):
        assert "PYTHONDONTWRITEBYTECODE" not in env and env["HOME"] == "here"
        ran.append(command[2])
        return subprocess.CompletedProcess(command, statuses[command[2]])

    monkeypatch.setattr(environment, "attempt", lambda kind: 0)
    monkeypatch.setattr(checks.subprocess, "run", run)
    monkeypatch.setattr(checks, "_in_memory", lambda folder: ())
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("HOME", "here")
    assert checks.main(["--lint"]) == 0 and ran == ["ruff", "ruff", "mypy"]
    assert checks.main(["-k", "weights"]) == 5 and ran[3:] == ["ruff", "ruff", "mypy", "pytest"]
    statuses["ruff"] = 1
    assert checks.main([]) == 1 and ran[7:] == ["ruff"]


def test_files_of_tests_lie_in_memory_where_that_is_allowed(tmp_path, monkeypatch):
    """Which nothing else sees, and of which nothing is left."""
    before = checks._in_memory(tmp_path)
    if not before:
        pytest.skip("not run: mounting is not allowed, or there is little memory")
    code = "import os; open(os.environ['TMPDIR'] + '/a', 'w').close(); print(os.path.ismount(os.environ['TMPDIR']))"
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    run = subprocess.run([*before, sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert run.stdout == "True\n" and not list(tmp_path.iterdir())
    failed = subprocess.run([*before, sys.executable, "-c", "raise SystemExit(5)"], env=environ, check=False)
    assert failed.returncode == 5
    monkeypatch.setattr(checks, "ROOM", 1 << 62)
    assert checks._in_memory(tmp_path) == (), "where there is too little memory"
    monkeypatch.setattr(checks, "ROOM", 1)
    assert checks._in_memory(tmp_path / "not there") == ()


@pytest.mark.parametrize("before", [(), ("in", "memory")])
def test_temporary_files_have_a_place_of_their_own_where_it_is_in_memory(monkeypatch, before):
    ran: list[tuple[list[str], str | None]] = []

    def run(command, env, **_):
        ran.append((command, env.get("TMPDIR")))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(environment, "attempt", lambda kind: 0)
    monkeypatch.setattr(checks, "LINT", ())
    monkeypatch.setattr(checks.subprocess, "run", run)
    monkeypatch.setattr(checks, "_in_memory", lambda folder: before)
    monkeypatch.setenv("TMPDIR", "as it was")
    assert checks.main([]) == 0
    ((command, place),) = ran
    assert tuple(command[: len(before)]) == before and command[len(before) + 1 :][:2] == ["-m", "pytest"]
    assert (place == "as it was") is (not before)


SUITE = {
    "conftest.py": """
        import importlib.util, sys
        spec = importlib.util.spec_from_file_location("spread", {spread!r})
        spec.loader.exec_module(spread := importlib.util.module_from_spec(spec))
        pytest_collection_modifyitems = spread.pytest_collection_modifyitems
    """,
    "pytest.ini": """
        [pytest]
        markers = browser
    """,
    "test_page.py": """
        import os, pytest
        pytestmark = pytest.mark.browser
        @pytest.mark.parametrize("what", ["<\\x1b[31m >"])
        def test_alone_only(what):
            assert "PYTEST_XDIST_WORKER" not in os.environ, "too slow beside others"
        def test_always(): pass
    """,
    "test_other.py": """
        import os
        def test_it():
            if os.environ.get("OTHER") == "takes its process down": os._exit(3)
    """,
    "test_third.py": """
        import os
        if os.environ.get("OTHER") == "can not be read": import nothing_of_that_name
        def test_it(): pass
    """,
}


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project whose one browser test fails beside others, and passes alone."""
    for name, text in SUITE.items():
        text = textwrap.dedent(text).replace("{spread!r}", repr(str(ROOT / "tests" / "spread.py")))
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "attempt", lambda kind: 0)
    monkeypatch.setattr(environment, "venv_python", lambda: sys.executable)
    monkeypatch.setattr(checks, "LINT", ())
    monkeypatch.setattr(checks, "SPREAD", ("-n", "2", "--dist", "loadfile"))
    monkeypatch.setattr(checks, "_in_memory", lambda folder: ())
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # it starts sooner
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")
    return tmp_path


def test_a_browser_test_that_fails_beside_others_and_passes_alone_is_told_of_and_stops_nothing(suite, capfd):
    assert checks.main(["-p", "no:cacheprovider"]) == 0
    told = capfd.readouterr().out
    assert "too slow beside others" in told and "1 failed, 3 passed" in told, "the first failure stays visible"
    assert told.count("== pytest") == 2 and "2 passed" in told
    assert re.search(r"^failed beside others, passed alone: test_page\.py::test_alone_only\[.+\]$", told, re.MULTILINE)


@pytest.mark.parametrize(
    ("other", "arguments"),
    [
        ("takes its process down", []),
        ("can not be read", []),
        ("passes", ["-x"]),
    ],
)
def test_beside_any_other_failure_nothing_is_run_again(suite, monkeypatch, capfd, other, arguments):
    monkeypatch.setenv("OTHER", other)
    assert checks.main(["-p", "no:cacheprovider", *arguments]) != 0
    told = capfd.readouterr().out
    assert told.count("== pytest") == 1 and "passed alone" not in told


def case(name: str, outcome: str = "", beside: bool = True) -> str:
    """A test in pytest's report; outcome: failure, error or skipped, nothing for a pass."""
    said = f'<properties><property name="{checks.BESIDE}" value="yes" /></properties>' if beside else ""
    file = "tests/e2e/test_page.py"
    return f'<testcase file="{file}" name="{name}">{said}{outcome and f"<{outcome} />"}</testcase>'


@pytest.mark.parametrize(
    ("first", "again", "status", "told"),
    [
        ([case("a", "failure")], (0, [case("a")]), 0, {"passed alone: tests/e2e/test_page.py::a"}),
        ([case("a", "error")], (0, [case("a")]), 0, {"passed alone: tests/e2e/test_page.py::a"}),
        (
            [case("a", "failure"), case("b", "failure"), case("c")],
            (1, [case("a"), case("b", "failure"), case("c")]),
            1,
            {"passed alone: tests/e2e/test_page.py::a", "and did not pass alone: tests/e2e/test_page.py::b"},
        ),
        (
            [case("a", "failure")],
            (1, [case("a"), case("c", "failure")]),
            1,
            {"passed alone: tests/e2e/test_page.py::a"},
        ),
        ([case("a", "failure")], (0, [case("a", "skipped")]), 1, {"and did not pass alone: tests/e2e/test_page.py::a"}),
        ([case("a", "failure")], (0, [case("c")]), 1, {"and did not pass alone: tests/e2e/test_page.py::a"}),
        ([case("a", "failure")], (0, None), 1, {"and did not pass alone: tests/e2e/test_page.py::a"}),
        ([case(name, "failure") for name in "abcde"], (4, None), 4, ...),
        ([case(name, "failure") for name in "abcdef"], None, 1, set()),
        ([case("a", "failure"), case("b", "failure", beside=False)], None, 1, set()),
        ([case("a", "failure", beside=False)], None, 1, set()),
        ([case("a")], None, 1, set()),
        (None, None, 1, set()),
    ],
)
def test_only_a_few_browser_tests_get_a_second_run_and_all_of_them_must_pass_in_it(
    monkeypatch, capsys, first, again, status, told
):
    runs = [(1, first), again]

    def run(command, **_):
        ended, cases = runs.pop(0)
        report = next(word.partition("=")[2] for word in command if word.startswith("--junitxml="))
        if cases is not None:
            Path(report).write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
        return subprocess.CompletedProcess(command, ended)

    monkeypatch.setattr(environment, "attempt", lambda kind: 0)
    monkeypatch.setattr(checks, "LINT", ())
    monkeypatch.setattr(checks, "_in_memory", lambda folder: ())
    monkeypatch.setattr(checks.subprocess, "run", run)
    assert checks.main([]) == status
    assert len(runs) == (again is None)
    said = {line for line in capsys.readouterr().out.splitlines() if line.startswith("failed beside others, ")}
    assert told is ... or said == {f"failed beside others, {line}" for line in told}


@pytest.mark.parametrize("workers", [1, 2])
def test_long_files_come_first_where_several_processes_run_tests(workers):
    files = ["unit/test_a.py", "unit/test_b.py", "unit/test_b.py", "e2e/test_c.py", "e2e/test_d.py", "e2e/test_d.py"]
    items = [
        SimpleNamespace(path=Path(file), number=number, get_closest_marker=lambda _: None)
        for number, file in enumerate(files)
    ]
    spread.pytest_collection_modifyitems(SimpleNamespace(workerinput={"workercount": workers}), items)
    assert [item.number for item in items] == ([4, 5, 3, 1, 2, 0] if workers > 1 else [0, 1, 2, 3, 4, 5])


def test_the_script_and_the_tests_call_a_browser_test_beside_others_the_same():
    assert checks.BESIDE == spread.BESIDE


def test_streamlit_is_set_up_for_this_computer_only():
    import tomllib

    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert "allowedHosts" not in config["server"], (
        "the doors of the app know the names; a second list would contradict MFE_HOSTS"
    )
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] in ("none", "type")


def test_streamlit_draws_one_run_of_a_session_at_a_time_and_keeps_no_messages_in_the_browser():
    import tomllib

    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["runner"]["fastReruns"] is False, "steps in the history would be lost, see tests/e2e/test_page.py"
    assert config["global"]["minCachedMessageSize"] > 1e9, "a page may else stand still for good"


def test_a_named_browser_is_used_or_reported_as_missing(tmp_path):
    browser = tmp_path / "chrome"
    browser.touch()
    assert find_chromium({"CHROMIUM": str(browser)}) == browser
    assert find_chromium({"CHROMIUM": str(tmp_path / "absent")}) is None
    assert must_have_browser({"CI": "true"}) and not must_have_browser({})


OTHERS = {
    "lock.py": {"pip"},
    "outlines.py": {"numpy"},
    "package_metadata.py": {"hatchling"},
    "launch.py": {"src"},  # of which what it takes needs nothing else either, see above
}
"""What scripts import besides: but for the last they are no part of the set-up."""


def test_scripts_need_nothing_but_the_standard_library():
    for path in (ROOT / "scripts").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        more = OTHERS.get(path.name, set())
        assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names) | {
            "scripts",
            "__future__",
        } | more
