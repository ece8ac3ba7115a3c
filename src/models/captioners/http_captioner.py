"""Describes pictures by a server with OpenAI's interface, whichever it is and however it behaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from PIL import Image

from src.errors import EndpointRefused, NotDescribed
from src.models.captioners.asking import Line
from src.models.captioners.conversation import Conversation
from src.models.captioners.endpoint import Endpoint
from src.models.captioners.question import RECIPE, Manner
from src.models.captioners.waiting import Clock, Patience, stop_if
from src.schema.descriptions import Answer

FAILURES = 6
"""The last of so many pictures that failed in a row ends it all, with its reason."""
PATIENCE = Patience()
CLOCK = Clock()


class HttpCaptioner:
    """A ``Captioner``. Safe to use from several threads; what it learns of its server holds for all of them."""

    def __init__(self, endpoint: Endpoint, patience: Patience = PATIENCE, clock: Clock = CLOCK) -> None:
        self.model = endpoint.model
        self.recipe = f"{RECIPE} {endpoint.model}"
        self._endpoint = endpoint
        self._line = Line(endpoint, patience)
        self._patience = patience
        self._clock = clock
        self._manner = Manner.of_groq() if endpoint.is_groq else Manner()
        self._works = False
        """Whether a picture was described in this manner."""
        self._failures = 0
        self._lock = threading.Lock()

    def describe(self, image: Image.Image, halted: Callable[[], bool]) -> Answer:
        """See ``Captioner``. NotDescribed is also raised, within a second, where the work is to end."""
        asked = Conversation(self._endpoint, self._line, self._manner, self._patience, self._clock, halted)
        try:
            description = asked.about(image)
        except NotDescribed as problem:
            stop_if(halted)
            if not asked.declined:
                self._count_failure(problem)
            raise NotDescribed(problem.user_message, problem.hint, asked.sent, asked.received) from problem
        self._learn(asked.manner)
        return Answer(description, asked.sent, asked.received)

    def _learn(self, manner: Manner) -> None:
        """Later pictures start in the manner that worked; one whose answer broke the form does not loosen it again."""
        with self._lock:
            self._manner = replace(manner, form=self._manner.form) if self._works else manner
            self._works, self._failures = True, 0

    def _count_failure(self, problem: NotDescribed) -> None:
        """Raises EndpointRefused where nothing but failures comes."""
        with self._lock:
            self._failures += 1
            failures = self._failures
        if failures >= FAILURES:
            raise EndpointRefused(
                f"{failures} pictures in a row were not described: {problem.user_message}", problem.hint
            ) from problem
