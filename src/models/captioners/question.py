"""What is sent with a picture: the question, the form of the answer, and the picture itself as a small JPEG."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from PIL import Image

Form = Literal["json_schema", "json_object", ""]
FORMS: tuple[Form, ...] = ("json_schema", "json_object", "")
"""The strictest first; the last lets the model write what it wants."""
SIDE = 768
"""Pixels of the longer side of the picture that is sent."""
QUALITY = 80
TOKENS, MORE_TOKENS = 800, 3_000
"""Tokens that an answer may have, and those of the one that is asked for where these were too few."""
RECIPE = "chat-1"
"""Another one where another question is asked, or the picture is sent another way."""

_TEXT = {"type": "string"}
_OBJECT = {
    "type": "object",
    "properties": {"label": _TEXT, "color": _TEXT, "position": _TEXT},
    "required": ["label", "color", "position"],
    "additionalProperties": False,
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"scene_summary": _TEXT, "objects": {"type": "array", "items": _OBJECT}},
    "required": ["scene_summary", "objects"],
    "additionalProperties": False,
}
QUESTION = (
    "Describe this photo for somebody who looks for it among many. Answer with one JSON object and nothing else: "
    '{"scene_summary": "one or two sentences about what is seen and where", '
    '"objects": [{"label": "what it is", "color": "its main colour, or empty", '
    '"position": "where in the picture, such as left or background, or empty"}]}. '
    "Name at most ten objects, the most important first. Do not guess names of people."
)
_TOKENS_NAMES = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True)
class Manner:
    """How a server is asked: what works differs from one to the next, and is found out by asking."""

    form: Form = "json_schema"
    tokens: int = TOKENS
    tokens_name: str = _TOKENS_NAMES[0]
    extras: Mapping[str, Any] = field(default_factory=lambda: {"temperature": 0})
    """Further fields of the request, each left out where a server refuses it."""

    @classmethod
    def of_groq(cls) -> Manner:
        """Groq keeps a model's thoughts to itself where it is asked to; models that do not think refuse the field."""
        return cls(extras={"temperature": 0, "reasoning_format": "hidden"})

    def with_less(self) -> Manner | None:
        """The same with the next form; None after the last."""
        left = FORMS[FORMS.index(self.form) + 1 :]
        return replace(self, form=left[0]) if left else None

    def without(self, refused: str) -> Manner | None:
        """The same without the field that a server says it refuses; None where it is no such field."""
        if refused in self.extras:
            return replace(self, extras={name: value for name, value in self.extras.items() if name != refused})
        if refused == self.tokens_name == _TOKENS_NAMES[0]:
            return replace(self, tokens_name=_TOKENS_NAMES[1])
        return None

    def request(self, model: str, picture: str) -> dict[str, Any]:
        """The body of a request. picture: a data URL."""
        content = [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": picture}}]
        asked = {"model": model, "stream": False, "messages": [{"role": "user", "content": content}]}
        return asked | {self.tokens_name: self.tokens} | dict(self.extras) | self._answer_form()

    def _answer_form(self) -> dict[str, Any]:
        """llama.cpp answers any other nesting of the schema as if there were none."""
        if not self.form:
            return {}
        schema = {"json_schema": {"name": "description", "strict": True, "schema": SCHEMA}}
        return {"response_format": {"type": self.form} | (schema if self.form == "json_schema" else {})}


def data_url(image: Image.Image, side: int) -> str:
    """A picture as a JPEG whose longer side has at most so many pixels. It carries its pixels and nothing else."""
    small = image.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    bare = Image.new("RGB", small.size)
    bare.paste(small)
    written = io.BytesIO()
    bare.save(written, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
