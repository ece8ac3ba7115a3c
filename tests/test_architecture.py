"""The rules of the house, as tests: who may import whom, where the heavy libraries stay, where a broad except may
stand.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
FILES = sorted([*(PROJECT / "src").rglob("*.py"), PROJECT / "app.py"])

RANKS = {
    "src.schema": 0, "src.errors": 0, "src.config": 0, "src.pixels": 0, "src.files": 0, "src.text": 0,
    "src.identity": 0, "src.lexical": 0, "src.masks": 0, "src.originals": 0, "src.colours": 0, "src.vendored_clip": 0,
    "src.vendored_sam": 0, "src.plain_files": 0, "src.wire": 0, "src.versioned_cache": 0, "src.network": 0,
    "src.logs": 0, "src.mounts": 0, "src.secret": 0, "src.models": 1, "src.database": 1, "src.processing": 1,
    "src.export": 1, "src.services": 2, "src.runtime": 3, "src.bootstrap": 4, "src.assistant": 4, "src.api": 5,
    "src.ui": 5, "src.cli": 5, "app": 6,
}  # fmt: skip
WITHIN = {
    "src.database": {
        "disk_space": 0, "library_lock": 0, "embeddings": 0, "catalog": 1, "nearest": 2, "index": 3, "store": 4,
        "self_check": 5, "vector_db": 5,
    },
    "src.services": {
        "jobs.params": -1, "jobs.kinds": 0, "jobs.rows": 1, "library": 2, "indexing": 3, "enrichment": 4,
        "duplicates": 5, "search": 5, "exchange": 5, "lab": 5, "curation": 6, "insights": 7, "map": 7, "jobs": 8,
    },
}  # fmt: skip
"""The same between the rooms of one package."""
ONLY_IN = {
    "streamlit": ("src.ui", "app"),
    "chromadb": ("src.database.index.chroma_client",),
    "sqlalchemy": ("src.database",),
    "torch": ("src.models", "src.vendored_clip", "src.vendored_sam"),
    "onnxruntime": ("src.models",),
    "starlette": ("src.api", "app"),
    "fastapi": ("src.api",),
    "pydantic": ("src.api", "src.assistant.server"),
    "python_multipart": ("src.api",),
    "watchdog": ("src.services.library.watcher",),
    "rich": ("src.cli.terminal",),
    "prompt_toolkit": ("src.cli.prompt",),
    "shtab": ("src.cli.completion",),
    "psutil": ("src.mounts", "src.database.library_lock", "src.processing.decoding.memory"),
    "cachetools": ("src.versioned_cache", "src.models.text_cache"),
    "yaml": ("src.export.yolo",),
    "mcp": ("src.assistant",),
    "mcp_types": ("src.assistant",),
    "umap": ("src.services.map.worker",),
    "sklearn": ("src.services.map.worker",),
    "platformdirs": ("src.config",),
    "send2trash": ("src.services.curation.system_bin",),
    "pickle": ("src.vendored_clip.checkpoint", "src.vendored_sam.sam", "src.models.embedders.vgg"),  # its error alone
    "transformers": (),
    "sentence_transformers": (),
    "torchvision": (),
}
BROAD_EXCEPTS = {("src.services.jobs.runner", "_run"), ("src.processing.decoding.image_io", "decode")}
"""Module and function. The page boundary and the route handler are the frameworks' own hooks."""


def module_name(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(name: str) -> str | None:
    """The longest entry of RANKS that ``name`` is in."""
    return max((r for r in RANKS if name == r or name.startswith(r + ".")), key=len, default=None)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_go_down_the_ranks(path: Path) -> None:
    own = module_name(path)
    if own == "src":
        return
    own_room = room(own)
    assert own_room, f"{own} has no rank: add it to RANKS"
    for imported in imports(ast.parse(path.read_text())):
        other = room(imported)
        if other is None or other == own_room:
            continue
        lower = RANKS[other] < RANKS[own_room]
        ground_floor = RANKS[own_room] == 0 and other in (
            "src.errors",
            "src.schema",
            "src.config",
            "src.colours",
            "src.plain_files",
            "src.secret",
        )
        assert lower or ground_floor, f"{own} must not import {imported}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_heavy_libraries_stay_in_their_rooms(path: Path) -> None:
    own = module_name(path)
    for imported in imports(ast.parse(path.read_text())):
        allowed = ONLY_IN.get(imported.split(".")[0])
        if allowed is not None:
            assert any(own == place or own.startswith(place + ".") for place in allowed), (
                f"{own} must not import {imported}"
            )


@pytest.mark.parametrize(
    "path", [path for path in FILES if module_name(path).startswith(tuple(WITHIN))], ids=module_name
)
def test_imports_go_down_within_a_package(path: Path) -> None:
    own = module_name(path)
    package, ranks = next((package, ranks) for package, ranks in WITHIN.items() if own.startswith(package))

    def inner(name: str) -> str | None:
        return max((r for r in ranks if f"{name}.".startswith(f"{package}.{r}.")), key=len, default=None)

    assert own == package or inner(own), f"{own} has no rank in {package}"
    for imported in imports(ast.parse(path.read_text())):
        there, here = inner(imported), inner(own)
        if there and here and there != here:
            assert ranks[there] < ranks[here], f"{own} must not import {imported}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_broad_excepts_environment_and_printing(path: Path) -> None:
    own, tree = module_name(path), ast.parse(path.read_text())
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        for handler in [node for node in ast.walk(function) if isinstance(node, ast.ExceptHandler)]:
            broad = handler.type is None or (
                isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException")
            )
            passed_on = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
            assert not broad or passed_on or (own, function.name) in BROAD_EXCEPTS, (
                f"{own}.{function.name} catches everything"
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            assert node.attr not in ("environ", "getenv") or own == "src.config", f"{own} reads the environment"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert own in ("src.cli.arguments", "src.cli.terminal", "src.cli.launch"), f"{own} prints"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_weights_are_never_unpickled(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle":
            assert node.attr == "UnpicklingError", f"{path}:{node.lineno}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            words = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert words.get("weights_only") == "True", f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_no_room_is_too_large(path: Path) -> None:
    assert path.read_text().count("\n") <= 350, "split it where it makes the way through clearer"
    for name, lines in functions(path):
        assert lines <= 40, f"{name} has {lines} lines"


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines of every function of a module, its docstring included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


def test_functions_are_short() -> None:
    lines = [number for path in FILES for _, number in functions(path)]
    assert sum(lines) / len(lines) <= 8


def test_importing_the_models_loads_neither_torch_nor_onnxruntime() -> None:
    import subprocess
    import sys

    heavy = ("torch", "onnxruntime", "chromadb")
    code = (
        "import sys, src.models.model_manager, src.services.search.service; "
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("path", [path for path in FILES if "ui" in path.parts], ids=module_name)
def test_pages_queue_jobs_whose_end_is_told(path: Path) -> None:
    assert module_name(path) == "src.ui.jobs.told" or "jobs.queue(" not in path.read_text()


def test_only_the_ci_script_names_the_shared_folder() -> None:
    named = [
        path.relative_to(PROJECT)
        for pattern in (
            "src/**/*.py",
            "tests/**/*.py",
            "benchmarks/*.py",
            "training/*.py",
            "scripts/*.py",
            "*.md",
            "docs/*.md",
            "Makefile",
        )
        for path in PROJECT.glob(pattern)
        if "../shared" in path.read_text() and path != Path(__file__)
    ]
    assert named == []
