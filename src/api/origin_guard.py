"""In front of everything: who is let in, under which names, from which websites and with which token."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import ceil
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.api import cross_origin, lasting
from src.api.brake import Brake, address_of, is_from_elsewhere
from src.api.credentials import Credentials, credentials_of, is_of, without_credentials
from src.api.limits import TOO_LONG, too_long
from src.api.origins import LOOPBACK, WRONG_HOST, guest_of, is_own, refusal
from src.api.pages import SERVED
from src.api.problems import problem
from src.api.sign_in import MAKE_ONE, SIGN_IN, SIGN_OUT, WRONG, Place, SignIn, form_of, signed_in, signed_out
from src.config import Settings
from src.errors import AppError
from src.secret import Token, tells_token
from src.services.library.tokens import Tokens

_T = TypeVar("_T")
_LEADS_OUT = re.compile(r"\0|(^|[/\\])\.\.([/\\]|$)")
"""In an address: what is no step on the way to anything."""

ANSWER_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Pages load nothing from other machines, and nobody else can frame, open or embed them.

Streamlit's scripts need the two 'unsafe'.
"""


@dataclass(frozen=True)
class Refusal:
    """Why a request reaches nothing. code and hint: as programs below /api are told."""

    status: int
    sentence: str
    code: str
    hint: str = ""
    retry_after: int = 0

    @property
    def headers(self) -> dict[str, str]:
        asks = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        return {**asks, "Retry-After": str(self.retry_after)} if self.retry_after else asks

    @property
    def text(self) -> str:
        return f"{self.sentence} {self.hint}".strip()


class Refused(Exception):
    """A request is refused."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(why.code)
        self.why = why


TOKEN_NEEDED = Refusal(
    401, "This library is open only to who has one of its tokens.", "token-needed",
    f"Send `Authorization: Bearer mfe_...`; `{MAKE_ONE}` makes a token.",
)  # fmt: skip
WRONG_TOKEN = Refusal(401, WRONG, "wrong-token", "Make another one where it was revoked.")
TOKEN_IN_ADDRESS = Refusal(
    400, "A token in an address is refused: addresses are kept in histories and logs.", "token-in-address",
    "Send it as `Authorization: Bearer mfe_...`, and revoke it where others may have seen the address.",
)  # fmt: skip
NOTHING = Refusal(404, "There is nothing at this address.", "not-found")
FORGED = Refusal(403, "This form is heeded from the app's own pages alone.", "other-site")


@dataclass(frozen=True)
class _Visit:
    """One request, and what is known of it. guest: the other website that may use the API, "" for none."""

    scope: Scope
    settings: Settings
    base: str
    below_api: bool
    guest: str
    tokens: Tokens

    @property
    def needs_token(self) -> bool:
        return bool(self.guest or self.settings.hosts) or is_from_elsewhere(self.scope)

    @property
    def place(self) -> Place:
        return Place.of(self.scope, self.base)


class Doors:
    """ASGI middleware in front of everything: what it refuses reaches nothing behind it.

    Below /api a refusal is a problem (RFC 9457), elsewhere a sentence, or the page that asks for a token; a websocket
    never opens. settings: asked for at each request; its ``hosts`` are names and addresses besides this computer's own
    under which the app may be reached, by who has a token, and ``origins`` the websites that may use what is below
    /api. base: the path that the pages are behind. style: the colours of the page that asks for a token, as CSS.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Callable[[], Settings] = Settings,
        base: str = "",
        style: Callable[[], str] = str,
    ) -> None:
        self._app = app
        self._settings = settings
        self._base = f"/{base.strip('/')}" if base.strip("/") else ""
        self._page = SignIn(style)
        self._brake = Brake()
        self._tokens = Tokens(Settings().tokens_file)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        visit = self._visit(scope)
        send = _with_headers(send, visit)
        try:
            await self._answer(visit, receive, send)
        except Refused as refused:
            await self._refuse(visit, refused.why, receive, send)

    def _visit(self, scope: Scope) -> _Visit:
        settings = self._settings()
        if self._tokens.file != settings.tokens_file:
            self._tokens = Tokens(settings.tokens_file)
        below = is_of(scope["path"], self._base, ("api",))
        guest = guest_of(scope, settings.origins) if below else ""
        return _Visit(scope, settings, self._base, below, guest, self._tokens)

    async def _answer(self, visit: _Visit, receive: Receive, send: Send) -> None:
        """Have the request answered, by what is behind the doors or here. Raises Refused."""
        scope = visit.scope
        _refuse_strangers(visit)
        if visit.guest and cross_origin.is_preflight(scope, Headers(scope=scope)):
            await cross_origin.preflight()(scope, receive, send)
        elif (form := self._form(visit)) is not None:
            await (await form(visit, receive))(scope, receive, send)
        elif visit.place.below == "api/health" and not visit.guest:  # scripts/run.py asks who answers
            await self._app(without_credentials(scope), receive, send)
        else:
            still = await self._let_in(visit)
            await lasting.serve(self._app, without_credentials(scope), receive, send, still)

    # ---------------------------------------------------------------- tokens

    async def _let_in(self, visit: _Visit) -> Callable[[], bool]:
        """Whether who asks is let in, to be asked again while the answer goes on. Raises Refused."""
        shown = credentials_of(Headers(scope=visit.scope))
        if shown.token is None and not visit.needs_token:
            return lambda: True
        token = self._checked(visit, shown)
        if visit.tokens.is_used_anew(token):
            await run_in_threadpool(visit.tokens.note_use, token)
        return lambda: self._is_let_in(visit, shown)

    def _checked(self, visit: _Visit, shown: Credentials) -> Token:
        who = f"token {address_of(visit.scope)}"
        if shown.token is not None and visit.needs_token:
            self._wait(who)
        token = self._holder(visit, shown)
        if token is None and shown.token is None:
            raise Refused(TOKEN_NEEDED)
        if token is None:
            self._brake.wrong(who)
            raise Refused(WRONG_TOKEN)
        if shown.token is not None:
            self._brake.right(who)
        return token

    def _holder(self, visit: _Visit, shown: Credentials) -> Token | None:
        """Whose a request is. A wrong token is not made good by a session, and a guest has none."""
        try:
            if shown.token is not None:
                return visit.tokens.holder(shown.token)
            return visit.tokens.signed_in(shown.session) if shown.session and not visit.guest else None
        except AppError as error:
            raise _unusable(error) from error

    def _is_let_in(self, visit: _Visit, shown: Credentials) -> bool:
        """While an answer goes on."""
        try:
            return self._holder(visit, shown) is not None
        except Refused:
            return False

    def _wait(self, who: str) -> None:
        """Raise Refused for an address that was wrong too often to be heard now."""
        seconds = ceil(self._brake.wait(who))
        if seconds:
            sentence = "There were too many wrong tokens from this address."
            raise Refused(Refusal(429, sentence, "too-many-guesses", f"Try again in {seconds} s.", seconds))

    # ---------------------------------------------------------------- signing in and out

    def _form(self, visit: _Visit) -> Callable[[_Visit, Receive], Awaitable[Response]] | None:
        """What answers at the two addresses of the page that asks for a token, where there is such a page."""
        if visit.scope["type"] != "http" or not visit.needs_token:
            return None
        pages = {("GET", SIGN_IN): self._show, ("POST", SIGN_IN): self._sign_in, ("POST", SIGN_OUT): self._sign_out}
        return pages.get((visit.scope["method"], visit.place.below))

    async def _show(self, visit: _Visit, _: Receive) -> Response:
        holder = self._holder(visit, credentials_of(Headers(scope=visit.scope)))
        return self._page.known(visit.place, holder.name) if holder else self._page.ask(visit.scope, visit.place)

    async def _sign_in(self, visit: _Visit, receive: Receive) -> Response:
        """The guesses of this page are counted by themselves: a program that errs keeps nobody from signing in."""
        _refuse_forged(visit)
        who = f"page {address_of(visit.scope)}"
        self._wait(who)
        form, before = await form_of(visit.scope, receive), credentials_of(Headers(scope=visit.scope)).session
        session = await _on_disk(visit.tokens.sign_in, form.get("token", "").strip())
        if session is None:
            self._brake.wrong(who)
            raise Refused(WRONG_TOKEN)
        self._brake.right(who)
        if before:
            await _on_disk(visit.tokens.sign_out, before)
        return signed_in(visit.scope, session, visit.place.next)

    async def _sign_out(self, visit: _Visit, _: Receive) -> Response:
        _refuse_forged(visit)
        session = credentials_of(Headers(scope=visit.scope)).session
        if session:
            await _on_disk(visit.tokens.sign_out, session)
        return signed_out(visit.scope)

    # ---------------------------------------------------------------- refusals

    async def _refuse(self, visit: _Visit, why: Refusal, receive: Receive, send: Send) -> None:
        scope = visit.scope
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": why.sentence})
            return
        if visit.below_api:
            answer = problem(why.status, why.sentence, why.code, why.hint, why.headers)
        elif why.status in (401, 429, 503) and _is_for_a_person(visit):
            said = "" if why is TOKEN_NEEDED else WRONG if why is WRONG_TOKEN else why.text
            answer = self._page.ask(scope, visit.place, said, why.status, why.headers)
        else:
            answer = PlainTextResponse(why.text, why.status, {"Cache-Control": "no-store", **why.headers})
        await answer(scope, receive, send)


def _refuse_strangers(visit: _Visit) -> None:
    """Raise Refused for what is to be answered to nobody, whatever they have."""
    scope = visit.scope
    if too_long(scope):
        raise Refused(Refusal(431, TOO_LONG, "too-long"))
    reason = refusal(scope, LOOPBACK.union(map(_bare, visit.settings.hosts)), (visit.guest,) if visit.guest else ())
    if reason is not None:
        raise Refused(Refusal(403, reason, "wrong-host" if reason == WRONG_HOST else "other-site"))
    if visit.below_api and _LEADS_OUT.search(scope["path"]):  # else the pages' server answers, and with no problem
        raise Refused(NOTHING)
    address = b"?".join((scope["path"].encode("utf-8", "surrogateescape"), scope["query_string"]))
    if tells_token(unquote_to_bytes(address).decode("latin-1")):
        scope.update(path="/", raw_path=b"/", query_string=b"")  # the server's own log has what is here
        raise Refused(TOKEN_IN_ADDRESS)


def _refuse_forged(visit: _Visit) -> None:
    """Raise Refused for a form that was not sent by one of the app's own pages, as far as the browser says."""
    if not is_own(visit.scope):
        raise Refused(FORGED)


async def _on_disk(work: Callable[[str], _T], text: str) -> _T:
    try:
        return await run_in_threadpool(work, text)
    except AppError as error:
        raise _unusable(error) from error


def _unusable(error: AppError) -> Refused:
    return Refused(Refusal(503, error.user_message, error.code, error.hint))


def _is_for_a_person(visit: _Visit) -> bool:
    """Whether a browser is to show the answer as a page."""
    headers = Headers(scope=visit.scope)
    if visit.place.below in (SIGN_IN, SIGN_OUT):
        return True
    if visit.scope["method"] not in ("GET", "HEAD") or is_of(visit.scope["path"], visit.base, SERVED):
        return False
    return headers.get("sec-fetch-dest", "document") == "document" and "text/html" in headers.get("accept", "")


def _bare(host: str) -> str:
    return host.strip().lower().strip("[]")


def _with_headers(send: Send, visit: _Visit) -> Send:
    """Every answer has them; below /api, caches keep apart what is told to whom where other websites may ask."""
    further = cross_origin.may_read(visit.guest) if visit.guest else {}
    varies = visit.below_api and bool(visit.settings.origins)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(ANSWER_HEADERS | further)
            if varies:
                headers.add_vary_header("Origin")
        await send(message)

    return sending
