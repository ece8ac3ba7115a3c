"""Writes the lock files: every package that the set-up installs, with its version and the hashes of all its files.

    python scripts/lock.py        asks the package index that pip is set up with; about a minute, installs nothing

For who keeps the project; to be run when a requirements file changes, on Python 3.11, the oldest that is supported.
torch is left out: its CPU and CUDA builds come from indexes of their own, so its version is pinned by requirements.txt
and its file is not.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts import environment

HEADER = """# Made by scripts/lock.py: do not edit. Every package of {source} and what it needs in turn, but for torch,
# with the SHA-256 of each of its published files.
{tried}
"""
SYSTEMS = ("Linux-x86_64-3.11",)
"""On which the set-up was seen to work with the lock files; elsewhere it goes by the requirements files alone."""
BUILDS = {"torch"}
PYTHONS = re.compile(r"\.tar\.gz$|\.zip$|-(py3|py2\.py3|cp3\d+)-(none|abi3)-|-cp31[1-4]-cp31[1-4]-")
"""Names of the files that a supported Python may install."""


def main() -> int:
    """Both lock files.

    What the tests need besides may ask for older versions, so it has a say in what the app gets, too.
    """
    everything = resolved(environment.REQUIREMENTS["dev"], {})
    app = resolved(environment.REQUIREMENTS["run"], everything)
    write("run", app, "")
    write(
        "dev",
        {name: version for name, version in everything.items() if name not in app},
        f"-r {environment.LOCKS['run']}\n",
    )
    return 0


def write(kind: str, pins: dict[str, str], above: str) -> None:
    head = HEADER.format(source=environment.REQUIREMENTS[kind], tried=environment.TRIED + " ".join(SYSTEMS))
    entries = [
        entry(name, version, files) for (name, version), files in zip(pins.items(), published(pins), strict=True)
    ]
    (environment.ROOT / environment.LOCKS[kind]).write_text(head + above + "".join(entries), encoding="utf-8")
    print(f"{environment.LOCKS[kind]}: {len(pins)} packages")


def resolved(requirements: str, pins: dict[str, str]) -> dict[str, str]:
    """Name and version of everything that pip would install into an empty environment."""
    kept = Path(tempfile.mkdtemp()) / "pins.txt"
    kept.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    options = ("--dry-run", "--ignore-installed", "--quiet", "--report", "-", "-c", str(kept))
    command = [sys.executable, "-m", "pip", "install", *options, "-r", str(environment.ROOT / requirements)]
    report = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    found = {
        item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"] for item in report["install"]
    }
    return {name: found[name] for name in sorted(found) if name not in BUILDS}


def published(pins: dict[str, str]) -> Iterator[dict[str, str]]:
    """For each package its files of that version, all systems', and their SHA-256, as pip sees them on its index."""
    from pip._internal.commands import create_command
    from pip._internal.index.collector import parse_links

    command = create_command("download")
    options, _ = command.parse_args(["x"])
    with command.main_context():
        collector = command._build_package_finder(options, command.get_default_session(options))._link_collector
        for name, version in pins.items():
            found: dict[str, str] = {}

            def keep(
                page: object, name: str = name, version: str = version, found: dict[str, str] = found
            ) -> list[object]:
                content = collector.fetch_response(page)
                links = parse_links(content) if content else []
                hashed = [link for link in links if link.hash_name == "sha256" and is_of(link.filename, name, version)]
                found.update({link.filename: link.hash for link in hashed})
                return []

            for source in collector.collect_sources(project_name=name, candidates_from_page=keep).index_urls:
                if source:
                    list(source.page_candidates())
            yield found


def is_of(file_name: str, name: str, version: str) -> bool:
    """Whether a file is one of that version's, for a Python that is supported."""
    stem = file_name.lower().replace("_", "-").replace(".", "-")
    start = f"{name}-{version}".lower().replace("_", "-").replace(".", "-")
    return (
        bool(PYTHONS.search(file_name))
        and stem.startswith(start)
        and stem[len(start) :].startswith(("-py", "-cp", "-tar", "-zip"))
    )


def entry(name: str, version: str, files: dict[str, str]) -> str:
    if not files:
        raise SystemExit(f"The index tells no hashes for {name} {version}.")
    return (
        " \\\n".join([f"{name}=={version}", *(f"    --hash=sha256:{digest}" for digest in sorted(set(files.values())))])
        + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
