"""All that is said to a server about one picture, until it has described it."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from src.errors import EndpointRefused, NotDescribed
from src.models.captioners import refusals
from src.models.captioners.asking import Broken, Line, Reply
from src.models.captioners.endpoint import Endpoint
from src.models.captioners.offered import models_of
from src.models.captioners.question import MORE_TOKENS, SIDE, Manner, data_url
from src.models.captioners.reading import Said, description_in, said
from src.models.captioners.waiting import Clock, Halted, Patience, asked_to_wait, backing_off, pause
from src.schema.descriptions import Description
from src.text import shown

_BUSY = (429, 503)
_AGAIN = (408, 425)
_NOT_SO = (400, 415, 422)
"""Answered where a server can't do what the request asks for."""
_TOO_LARGE = 413
_NO_MODEL = ("model_not_found", "model_decommissioned")
_NOT_PAID = "insufficient_quota"
_BROKE_THE_FORM = "json_validate_failed"
"""Said of one answer that the model wrote, not of the form."""


class Conversation:
    """One picture's. ``manner``: how the server is asked, in the end the way that worked."""

    def __init__(
        self, endpoint: Endpoint, line: Line, manner: Manner, patience: Patience, clock: Clock, halted: Halted
    ) -> None:
        self.manner = manner
        self.declined = False
        """Whether the model says that it does not want to describe this picture."""
        self.sent, self.received = 0, 0
        """Tokens of all answers so far."""
        self._endpoint = endpoint
        self._line = line
        self._patience = patience
        self._clock = clock
        self._halted = halted

    def about(self, image: Image.Image) -> Description:
        """The description of an upright picture. Raises EndpointRefused, NotDescribed."""
        side = SIDE
        picture = data_url(image, side)
        while True:
            reply = self._reply(picture)
            found = None
            if reply.status == _TOO_LARGE:
                if side < SIDE:
                    raise refusals.not_taken(self._endpoint, reply)
                side //= 2
                picture = data_url(image, side)
            elif reply.status in _NOT_SO:
                self._ask_otherwise(reply)
            else:
                found = self._read(said(reply.value) or Said(""))
            if found:
                return found

    # ------------------------------------------------------------ what is made of an answer

    def _read(self, answer: Said) -> Description | None:
        """The description in an answer; None where it is to be asked for in another manner. Raises NotDescribed."""
        self.sent += answer.sent
        self.received += answer.received
        model = shown(self._endpoint.model)
        if found := description_in(answer.content):
            return found
        if answer.declined:
            self.declined = True
            raise NotDescribed(f"{model} declines to describe this picture.")
        if answer.cut_short and self.manner.tokens < MORE_TOKENS:
            self.manner = replace(self.manner, tokens=MORE_TOKENS)
            return None
        if answer.thought and not answer.content:
            raise NotDescribed(
                f"{model} thought about the picture and then said nothing.",
                "Turn its thinking off at the server, or choose a model that does not think.",
            )
        self._ask_less(NotDescribed(f"{model} gave no description that can be read."))
        return None

    def _ask_otherwise(self, reply: Reply) -> None:
        """Change the manner after a refusal of it. Raises EndpointRefused, NotDescribed where nothing is left."""
        code, field = refusals.told(reply, "code"), refusals.told(reply, "param")
        if code in _NO_MODEL:
            raise self._no_model(reply)
        of_the_form = code == _BROKE_THE_FORM or field.startswith("response_format")
        other = None if of_the_form else self.manner.without(field) or self.manner.without("reasoning_format")
        if other:
            self.manner = other
        else:
            self._ask_less(refusals.not_taken(self._endpoint, reply))

    def _ask_less(self, otherwise: NotDescribed) -> None:
        """Go on with the next form. Raises ``otherwise`` where this was the last."""
        less = self.manner.with_less()
        if less is None:
            raise otherwise
        self.manner = less

    # ------------------------------------------------------------ asking, and asking again

    def _reply(self, picture: str) -> Reply:
        """An answer of use, waited for and asked for again where the server is busy or breaks."""
        left, attempt = self._patience.attempts, 0
        while True:
            try:
                return self._reply_now(picture)
            except Broken as broken:
                left -= 3 if broken.late else 1
                if broken.wait_s > self._patience.longest_s:
                    raise refusals.paused(self._endpoint, broken.wait_s) from broken
                if left <= 0:
                    raise refusals.gave_up(self._endpoint, broken) from broken
                seconds = broken.wait_s or backing_off(attempt, self._patience, self._clock)
            attempt += 1
            pause(seconds, self._clock, self._halted)

    def _reply_now(self, picture: str) -> Reply:
        """An answer of use: one with a model's text, or which says that the manner or the picture's size is refused."""
        url = f"{self._endpoint.base_url}/chat/completions"
        reply = self._line.ask("POST", url, self.manner.request(self._endpoint.model, picture), self._halted)
        if reply.status in _BUSY and refusals.told(reply, "code") == _NOT_PAID:
            raise EndpointRefused(f"{self._endpoint.host} says that the account has no money left.")
        if reply.status in (*_BUSY, *_AGAIN) or reply.status >= 500:
            wait_s = asked_to_wait(reply.headers, refusals.told(reply, "message"), self._clock.now())
            why = "has too much to do" if reply.status in _BUSY else f"answers {reply.status}"
            raise Broken(why, busy=reply.status in _BUSY, wait_s=wait_s)
        if reply.status == 404:
            raise self._no_model(reply)
        if reply.status not in (200, *_NOT_SO, _TOO_LARGE):
            raise refusals.refused(self._endpoint, reply)
        if reply.status == 200 and said(reply.value) is None:
            raise Broken("gives no proper answer")
        return reply

    def _no_model(self, reply: Reply) -> EndpointRefused:
        """What a 404 means: no such model where the server has others, no such address where it names none."""
        try:
            offered = [model.id for model in models_of(self._endpoint, self._halted)]
        except EndpointRefused:
            offered = []
        known = refusals.told(reply, "code") in _NO_MODEL
        if known or (offered and self._endpoint.model not in offered):
            return refusals.no_model(self._endpoint, offered)
        return refusals.refused(self._endpoint, reply)
