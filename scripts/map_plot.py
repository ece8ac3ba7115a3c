"""Makes the script that draws the map's points: python scripts/map_plot.py

regl-scatterplot and what it needs, from npm, made one file by esbuild, and their licences in one text beside it. For
who keeps the project: it needs npm and the network, and the project itself neither.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "api" / "map_files"
PACKAGES = {
    "regl-scatterplot": "1.16.0",
    "regl": "2.1.1",
    "pub-sub-es": "3.0.0",
    "kdbush": "4.0.2",
    "esbuild": "0.28.2",
}
"""kdbush is in regl-scatterplot's own file already: only its licence is taken."""
TOOLS = ("esbuild",)
ENTRY = 'export { createRenderer, default } from "regl-scatterplot";\n'


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}))
        (folder / "entry.js").write_text(ENTRY)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, check=True)
        options = ["--bundle", "--format=esm", "--minify", "--target=es2020", "--legal-comments=inline"]
        subprocess.run(
            [folder / "node_modules" / ".bin" / "esbuild", "entry.js", *options, f"--outfile={TARGET / 'plot.js'}"],
            cwd=folder,
            check=True,
        )
        (TARGET / "plot.js.LICENSE.txt").write_text(licences(folder / "node_modules"), encoding="utf-8")
    finally:
        shutil.rmtree(folder)


def licences(modules: Path) -> str:
    """Of all packages but the tools, each with its name and version."""
    parts = []
    for about in sorted({*modules.glob("*/package.json"), *modules.glob("@flekschas/*/package.json")}):
        said = json.loads(about.read_text(encoding="utf-8"))
        texts = sorted(about.parent.glob("LICEN[SC]E*"))
        if said["name"] not in TOOLS and texts:
            text = texts[0].read_text(encoding="utf-8").strip()
            parts.append(f"{said['name']} {said['version']} ({said['license']})\n\n{text}\n")
    return ("\n" + "-" * 80 + "\n\n").join(parts)


if __name__ == "__main__":
    main()
