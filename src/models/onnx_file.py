"""Networks in ONNX files that come with the program or its packages: verified, and run by onnxruntime on the CPU."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from src.errors import WeightsCorrupt, WeightsMissing


def verified(path: Path, sha256: str, what: str, hint: str) -> bytes:
    """A file's bytes. ``what`` is what it is called in a sentence, such as "The built-in model's file".

    Raises WeightsMissing where it can't be read, WeightsCorrupt where its bytes have another SHA-256.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"{what} {path.name} can't be read: {error.strerror}.", hint) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise WeightsCorrupt(f"{what} {path.name} is damaged: its SHA-256 is not the one it was published with.", hint)
    return data


def with_output(data: bytes, name: str) -> bytes:
    """An ONNX file that gives one more of the values in it: what ``name`` is computed to on the way.

    A file of this format is a message of protocol buffers, where a part that comes twice is joined: so a second, nearly
    empty graph at its end adds an output to the first one. Nothing else of the network changes.
    """
    value = _field(1, name.encode())  # ValueInfoProto.name
    return data + _field(7, _field(12, value))  # ModelProto.graph, GraphProto.output


def _field(number: int, content: bytes) -> bytes:
    """A field of protocol buffers that holds bytes. number: below 16. content: shorter than 128 bytes."""
    return bytes((number << 3 | 2, len(content))) + content


def session(data: bytes, keeps_memory: bool = True) -> Any:
    """An onnxruntime session on all cores.

    Threads sleep between runs: spinning ones would starve the rest of the app. keeps_memory: what a run needed is kept
    for the next; not where runs differ in size, of which the largest would count.
    """
    import onnxruntime as ort

    ort.disable_telemetry_events()  # on Windows; elsewhere src/__init__.py has seen to it
    options = ort.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = keeps_memory
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
