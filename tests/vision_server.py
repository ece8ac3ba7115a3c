"""An OpenAI-compatible server that describes pictures by their mean colour, and fails as it is told to.

    with VisionServer([busy("2"), cut_off()]) as server:  # the first request is refused, the second broken off
        HttpCaptioner(Endpoint(server.base_url, server.models[0])).describe(...)
    server.asked[0].picture  # what arrived

By hand, as a stand-in for a real model: ``python -m tests.vision_server --port 11434``.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

from src.schema.colour_words import colour_word

RETIRED = "meta-llama/llama-4-scout-17b-16e-instruct"
MODELS = ("colours-vl:2b", "words:1b")
"""The first takes pictures, the second does not say."""


@dataclass(frozen=True)
class Asked:
    """One request, as it arrived. body: None where it had none or no JSON."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None

    @property
    def picture(self) -> Image.Image | None:
        """The picture in a chat request."""
        for part in self.body["messages"][-1]["content"] if isinstance(self.body, dict) else ():
            if part["type"] == "image_url":
                return Image.open(io.BytesIO(base64.b64decode(part["image_url"]["url"].partition(",")[2])))
        return None

    @property
    def form(self) -> str:
        """The kind of answer that is asked for: ``json_schema``, ``json_object``, or empty for any text."""
        return self.body.get("response_format", {}).get("type", "") if isinstance(self.body, dict) else ""


@dataclass(frozen=True)
class Reply:
    """What is answered. body: JSON of anything but bytes; cut: bytes of it after which the connection is cut."""

    status: int = 200
    body: Any = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    after_s: float = 0.0
    trickle_s: float = 0.0
    """Pause before each further byte of the body."""


Step = Reply | Callable[[Asked], Reply]
"""An answer, or what makes one of the request."""


# ---------------------------------------------------------------- answers


def described(picture: Image.Image) -> dict[str, Any]:
    """The description of a picture: always the same for the same one."""
    red, green, blue = picture.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))  # type: ignore[misc]
    colour = colour_word(f"#{red:02x}{green:02x}{blue:02x}")
    shape = "wide" if picture.width > picture.height else "tall" if picture.width < picture.height else "square"
    return {
        "scene_summary": f"A {shape} picture that is {colour} on the whole.",
        "objects": [{"label": "surface", "color": colour, "position": "centre"}],
    }


def normal(asked: Asked) -> Reply:
    """The description of the picture that was sent."""
    assert asked.picture is not None, "a request without a picture"
    return says(json.dumps(described(asked.picture)))


def says(content: Any, finish: str = "stop", **message: Any) -> Reply:
    """A model's text, whatever it is; further fields of its message by name, such as ``reasoning``."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content} | message}
    usage = {"prompt_tokens": 300, "completion_tokens": 40}
    return Reply(body={"object": "chat.completion", "choices": [choice], "usage": usage})


def thinks(asked: Asked) -> Reply:
    """The description after thoughts that hold braces too."""
    assert asked.picture is not None
    return says('<think>A {"scene_summary": "draft"}? No.</think>\n' + json.dumps(described(asked.picture)))


def only_thinks() -> Reply:
    """Nothing but thoughts, as a model whose tokens all went there."""
    return says("", reasoning="A picture. I wonder.")


def error(status: int, code: str = "", message: str = "", param: str = "", **headers: str) -> Reply:
    """A refusal. Underscores in the names of headers stand for hyphens."""
    body = {"error": {"message": message or f"error {status}", "type": "api_error", "param": param, "code": code}}
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def busy(retry_after: str = "", message: str = "", **headers: str) -> Reply:
    """429, with a Retry-After header where it says anything."""
    said = ({"retry_after": retry_after} if retry_after else {}) | headers
    return error(429, "rate_limit_exceeded", message or "Rate limit reached.", **said)


def cut_off(after: int = 20) -> Reply:
    """Half an answer."""
    return Reply(body=says("{}").body, cut=after)


def hangs(seconds: float) -> Reply:
    """An answer that takes its time."""
    return Reply(body=says("{}").body, after_s=seconds)


def redirect(url: str, status: int = 307) -> Reply:
    return Reply(status, headers={"Location": url})


def huge(size: int = 8 << 20) -> Reply:
    """More than anybody wants to read."""
    return Reply(body=b'{"choices": [' + b" " * size)


def deep(depth: int = 200_000) -> Reply:
    """JSON in which lists hold lists without end."""
    return Reply(body=b"[" * depth + b"]" * depth)


# ---------------------------------------------------------------- the server


class VisionServer(ThreadingHTTPServer):
    """Answers chat requests by the script, one step each, and normally once it is used up.

    forms: kinds of answers that may be asked for, others are refused by 400. key: without it requests are refused.
    every: what answers once the script is used up.
    """

    daemon_threads = True

    def __init__(
        self,
        script: Sequence[Step] = (),
        *,
        models: Sequence[str] = MODELS,
        forms: Sequence[str] = ("json_schema", "json_object", ""),
        key: str = "",
        every: Step = normal,
        port: int = 0,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.script = list(script)
        self.models = list(models)
        self.listed: Any = None
        """What ``/v1/models`` answers in place of the list of ``models``: a Reply, or any JSON."""
        self.props: Any = None
        """What ``/props`` answers, as llama.cpp does; 404 for None."""
        self.forms = forms
        self.key = key
        self.every = every
        self.asked: list[Asked] = []
        """All requests so far."""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=lambda: self.serve_forever(0.02), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @property
    def chats(self) -> list[Asked]:
        """The requests that were about a picture."""
        return [asked for asked in self.asked if asked.path.endswith("/chat/completions")]

    def reply(self, asked: Asked) -> Reply:
        """What is answered to a request."""
        with self._lock:
            self.asked.append(asked)
        if self.key and asked.headers.get("authorization") != f"Bearer {self.key}":
            return error(401, "invalid_api_key", "Incorrect API key provided.")
        if asked.method == "GET":
            return self._told(asked.path)
        with self._lock:
            step = self.script.pop(0) if self.script else None
        return self._normal(asked) if step is None else step(asked) if callable(step) else step

    def _told(self, path: str) -> Reply:
        if path == "/props":
            return Reply(body=self.props) if self.props is not None else error(404)
        if path != "/v1/models":
            return error(404)
        if self.listed is not None:
            return self.listed if isinstance(self.listed, Reply) else Reply(body=self.listed)
        return Reply(body={"object": "list", "data": [{"id": model, "object": "model"} for model in self.models]})

    def _normal(self, asked: Asked) -> Reply:
        if asked.path != "/v1/chat/completions":
            return error(404)
        if asked.body["model"] not in self.models:
            return error(404, "model_not_found", f"The model `{asked.body['model']}` does not exist.")
        if asked.form not in self.forms:
            return error(400, "invalid_request_error", f"response_format {asked.form} is not supported")
        return self.every(asked) if callable(self.every) else self.every

    def __enter__(self) -> VisionServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: Any) -> None:
        """A client that goes away before its answer is nothing to tell of."""


class _Handler(BaseHTTPRequestHandler):
    server: VisionServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(self.server.reply(Asked("GET", self.path, self._headers())))

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(self.server.reply(Asked("POST", self.path, self._headers(), json.loads(sent))))

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _answer(self, reply: Reply) -> None:
        time.sleep(reply.after_s)
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.trickle_s:
            for at in range(len(body)):
                time.sleep(reply.trickle_s)
                self.wfile.write(body[at : at + 1])
        else:
            self.wfile.write(body[: reply.cut])
        self.close_connection = self.close_connection or reply.cut is not None

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for a server that describes pictures.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--key", default="", help="refuse requests without it")
    parser.add_argument("--slow", type=float, default=0.0, metavar="SECONDS", help="time that each answer takes")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="refuse the first N requests for two seconds")
    chosen = parser.parse_args()

    def every(asked: Asked) -> Reply:
        time.sleep(chosen.slow)
        return normal(asked)

    script = [busy("2")] * chosen.busy
    with VisionServer(script, models=chosen.models, key=chosen.key, every=every, port=chosen.port) as server:
        print(server.base_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
