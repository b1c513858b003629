# One request and its reply. Everything that changes an exchange's state is in this file.
#
# Theory of operation. The client's bytes go in until `receive_end`, which answers at once (then the exchange is DONE)
# or sets `call`: what must be run. What the provider says goes in by `send`, and each call returns the bytes it
# caused, so there is no buffer to flush, nothing to forget, and back-pressure is just not calling. The first bytes
# out are the commit: the head is set to 200 with them and a later failure becomes a frame; before the commit it is a
# status of its own.
#
# Rules. 1: one call, one step, its bytes; never a list of things to do. 2: nothing here knows a dialect; that is the
# encoder's. 3: nothing here knows HTTP/1.1, tasks, time or chance: ids and times are handed in, and `quiet_limit`
# says how long a silence may be, not when it is over. 4: a stranger's bytes never raise; only a driver's mistake does
# (LocalProtocolError). 5: state is changed before bytes are returned, so a cancelled write leaves no half step.
#
# Two things may take another turn, both before anything of the answer is out: `learn` goes on with a catalog that was
# not complete when the request came in, and `another` puts the next provider in the place of one that failed.
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from ._access import Fields, cors, preflight
from ._api import Api, RequestHead
from ._calls import Call, ChatCall
from ._catalog import Catalog
from ._emulation import Emulation
from ._endpoints import ERRORS, READERS
from ._errors import ApiError, LocalProtocolError, ModelNotFound
from ._events import QUIET, ForChoice, ProviderEvent
from ._intake import Intake
from ._outcome import Head, Outcome, summary
from ._routes import Endpoint, Route
from ._table import ACCEPTS, State
from .dialects import JSON_HEADERS, Asked, Encoder, Page, Reading

__all__ = ("Exchange",)

_NOT_FIELD = re.compile(r"[^ -~]")
_LISTS = frozenset({Endpoint.MODELS, Endpoint.MODEL, Endpoint.PROVIDERS, Endpoint.PROVIDER})
_MESSAGES = frozenset({Endpoint.MESSAGE, Endpoint.MESSAGE_TOKENS})
_BEFORE = frozenset({State.RECEIVING, State.WAITING, State.CALLING})


class Exchange:
    """One request and its reply: bytes in, a call to make; what the provider says in, bytes out.

    :param request: the request's head.
    :param api: the operator's decisions, a snapshot.
    :param id: 32 hex digits, unique; becomes the request's and the completion's id.
    :param created: seconds since 1970.
    :param elapsed: tells the seconds since the request came in, for ``openai-processing-ms``; without it none are told.
    :param fields: header fields of the driver's own, for whatever the reply is: rate limits.
    :param refusal: what the driver itself has against the request; it is told when the key is right.
    """

    __slots__ = (
        "_bodyless",
        "_created",
        "_elapsed",
        "_emulation",
        "_encoder",
        "_extra",
        "_fields",
        "_id",
        "_intake",
        "_next",
        "_request",
        "_text",
        "api",
        "call",
        "head",
        "outcome",
        "quiet_limit",
        "state",
    )  # fmt: skip

    state: State
    head: Head | None
    call: Call | None
    quiet_limit: float | None
    outcome: Outcome

    def __init__(
        self,
        request: RequestHead,
        api: Api,
        *,
        id: str,
        created: int,
        elapsed: Callable[[], float] | None = None,
        fields: Fields = (),
        refusal: ApiError | None = None,
    ) -> None:
        self.api = api
        self.state = State.RECEIVING
        self.head = None
        self.call = None
        self.quiet_limit = None
        self.outcome = Outcome()
        self._request = request
        self._id = id
        self._created = created
        self._bodyless = request.method == "HEAD"
        self._intake = Intake(request, api, refusal)
        self._elapsed = elapsed
        self._fields = fields
        self._encoder: Encoder | None = None
        self._emulation: Emulation | None = None
        self._next: Callable[[], Reading | None] | None = None
        self._text: Callable[[str], bytes] | None = None  # the encoder's, when a text changes only it
        self._extra: Fields = ()

    def __str__(self) -> str:
        """A line for the access log; no word of the request's body or of the answer is in it."""
        return summary(self._request, self.head, self.call, self.outcome, left=self.state is State.CLOSED)

    # The client's side.

    def receive_data(self, data: bytes) -> bool:
        """A piece of the request's body. False: the reply is decided already, no more of it is wanted."""
        self._check("receive_data")
        return self.state is not State.CLOSED and self._intake.feed(data)

    def receive_end(self) -> bytes:
        """The body is complete. The whole reply, or ``b""`` when `call` must be run."""
        self._check("receive_end")
        if self.state is State.CLOSED:
            return b""
        try:
            if self._intake.refusal is not None:
                raise self._intake.refusal
            if self._intake.route is None:
                return self._whole(204, preflight(self._request.headers, self.api.origins), b"")
            if not self.api.catalog.complete and self._intake.route.endpoint in _LISTS:
                self.state = State.WAITING
                return b""
            return self._open(self._intake.route)
        except ModelNotFound as error:
            if self.api.catalog.complete:
                return self._refuse(error)
            self.state = State.WAITING
            return b""
        except ApiError as error:
            return self._refuse(error)

    def learn(self, catalog: Catalog) -> bytes:
        """WAITING is over: what the providers serve, as far as it could be found out. Else as :meth:`receive_end`."""
        self._check("learn")
        if self.state is State.CLOSED:
            return b""
        self.api = replace(self.api, catalog=catalog)
        assert self._intake.route is not None  # or it would not wait
        try:
            return self._open(self._intake.route)
        except ApiError as error:
            return self._refuse(error)

    def disconnect(self) -> None:
        """The client is gone, or a write to it failed. Whatever comes now is dropped."""
        if self.state is not State.DONE:
            self.state = State.CLOSED
            self._text = None

    # The provider's side.

    def send(self, event: ProviderEvent) -> bytes:
        """What the provider says; the bytes it makes, if any."""
        if self._text is not None and type(event) is str:
            return self._text(event)
        return self._send(event)

    def _send(self, event: ProviderEvent) -> bytes:
        self._check("send")
        if self.state is State.CLOSED:
            return b""
        encoder = self._encoder
        assert encoder is not None  # CALLING and STREAMING have one
        if self._emulation is None:
            data = encoder.event(event)
        else:
            data = b"".join(map(encoder.event, self._emulation.push(event)))
        if data:
            if event is not QUIET:
                self.outcome.delivered = True
                if self._text is None and not isinstance(event, ForChoice):
                    self._text = self._direct(encoder)  # the first choice is open
            if self.state is State.CALLING:
                self.state = State.STREAMING
                self.head = Head(encoder.status, encoder.headers + self._extra + self._common())
        return data

    def another(self, error: ApiError) -> bool:
        """The provider failed. True: nothing was delivered and there is one more; run `call`, which is now its."""
        self._check("another")
        if self.outcome.delivered or not error.elsewhere or self._next is None or self.state is State.CLOSED:
            return False
        reading = self._next()
        if reading is None:
            return False
        self._take(reading)
        return True

    @property
    def satisfied(self) -> bool:
        """Nothing more of the provider is wanted: stop it and call :meth:`end`."""
        return self._emulation is not None and self._emulation.satisfied

    def end(self) -> bytes:
        """The provider has finished; the rest of the reply."""
        self._check("end")
        if self.state is State.CLOSED:
            return b""
        encoder = self._encoder
        assert encoder is not None
        try:
            data = b"".join(map(encoder.event, self._emulation.flush())) if self._emulation is not None else b""
            data += encoder.end()
        except ApiError as error:  # what was said is not an answer
            return self.fail(error)
        self.outcome.usage = encoder.usage
        self.outcome.delivered = True
        if self.state is State.CALLING:
            return self._whole(encoder.status, encoder.headers + self._extra, data)
        self.state, self._text = State.DONE, None
        return data

    def fail(self, error: ApiError) -> bytes:
        """The provider failed, the time is over, the server stops: the error, as a status or as a frame.

        Where neither can be, the exchange is CLOSED: the connection must end without the end of the reply.
        """
        if self._emulation is not None:
            self._emulation.explain(error)
        if self.state is State.STREAMING and self._encoder is not None:
            data, self._text = self._encoder.fail(error), None
            self.state = State.DONE if data is not None else State.CLOSED
            self.outcome.error, self.outcome.usage = error.with_traceback(None), self._encoder.usage
            return data or b""
        return self._refuse(error) if self.state in _BEFORE else b""

    # How an answer begins.

    def _open(self, route: Route) -> bytes:
        intake = self._intake
        asked = Asked(intake.body(), self.api, route, self._request, self._id, self._created, intake.principal)
        found = READERS[route.endpoint](asked)
        intake.forget()
        if isinstance(found, bytes):
            found = Page(JSON_HEADERS, found)
        if isinstance(found, Page):
            return self._whole(200, found.headers, found.body)
        self.state = State.CALLING
        self._take(found)
        return b""

    def _take(self, reading: Reading) -> None:
        """Run this now; what another provider said before is forgotten."""
        self.call, self._encoder, self._emulation = reading.call, reading.encoder, reading.emulation
        self._next = reading.next
        live = reading.encoder.live
        self._extra = ((b"x-g4f-model", _field(self.call.model)),) if self.call.model else ()
        self.quiet_limit = self.api.quiet_limit if live else None
        # Where nothing is sent before the end there is no commit to wait for.
        self._text = None if live else self._direct(reading.encoder)

    def _direct(self, encoder: Encoder) -> Callable[[str], bytes]:
        """What a text of the first choice goes to when there are no questions left to ask."""
        return encoder.text if self._emulation is None else self._emulation.direct(encoder.text, encoder.event)

    @property
    def collects(self) -> bool:
        """Nothing is sent before the end, and one run of the provider makes it all."""
        return self.quiet_limit is None and not (isinstance(self.call, ChatCall) and self.call.copies > 1)

    def _whole(self, status: int, headers: Fields, body: bytes) -> bytes:
        """A reply in one piece."""
        self.state, self._text = State.DONE, None
        # "A server MUST NOT send a Content-Length header field in any response with a status code of ... 204" - RFC
        # 9110 8.6; that of a 304 or of a HEAD would be another reply's, which only its encoder knows.
        told = status in (204, 304) or b"content-length" in dict(headers)
        length: Fields = () if told else ((b"content-length", b"%d" % len(body)),)
        self.head = Head(status, headers + length + self._common())
        return b"" if self._bodyless else body

    def _refuse(self, error: ApiError) -> bytes:
        self.outcome.error = error.with_traceback(None)  # whose frames hold this exchange: a cycle
        route = self._intake.route
        write = ERRORS.get(route.endpoint, ApiError.body) if route is not None else ApiError.body
        return self._whole(error.status, JSON_HEADERS + error.fields, write(error))

    def _common(self) -> Fields:
        request = b"req_" + self._id.encode("ascii")
        identity: Fields = ((b"x-request-id", request),)
        if self._intake.route is not None and self._intake.route.endpoint in _MESSAGES:
            identity += ((b"request-id", request),)  # the name that Anthropic's clients read
        if self._elapsed is not None:
            identity += ((b"openai-processing-ms", b"%d" % (self._elapsed() * 1000)),)
        return identity + self._fields + cors(self._request.headers, self.api.origins)

    def _check(self, name: str) -> None:
        if name not in ACCEPTS[self.state]:
            raise LocalProtocolError(f"{name}() was called while {self.state.value} ({self.state.name})")


def _field(text: str) -> bytes:
    """`text` as a header field's value; what a client made up cannot break out of the field."""
    return _NOT_FIELD.sub("?", text[:200]).strip().encode("ascii")
