# A request as it comes in: what its head says is decided before its body is read, and the body is read as far as it is
# wanted. Nothing here changes an exchange's state; what is wrong is kept as `refusal` until the exchange tells it.
from __future__ import annotations

from typing import Final

from ._access import authenticate
from ._api import Api, RequestHead
from ._errors import ApiError, BodyTooLarge, InvalidRequest, TooManyHeaders, UnsupportedMediaType
from ._multipart import Form, FormReader
from ._routes import ROUTES, Endpoint, Route, match

__all__ = ("Intake",)

#: What needs no key, beside preflight and the page to chat with: browsers fetch an <img> without one, and a file's name
#: is one.
_OPEN: Final = frozenset({Endpoint.HEALTH, Endpoint.MEDIA})
_FORMS: Final = frozenset({Endpoint.TRANSCRIPTION, Endpoint.TRANSLATION, Endpoint.COOKIES})
_JSON: Final = frozenset(endpoint for method, _, endpoint, _ in ROUTES if method == "POST") - _FORMS


class Intake:
    """The client's side of one exchange.

    :param objection: what the driver itself has against the request; it counts when the key is right.
    """

    __slots__ = ("_api", "_body", "_form", "_request", "_room", "principal", "refusal", "route")

    def __init__(self, request: RequestHead, api: Api, objection: ApiError | None) -> None:
        self.route: Route | None = None  #: what is asked for; None: nothing that has a body or an answer of its own
        self.principal = ""  #: who asks: a digest of the key, empty where none is wanted
        self.refusal: ApiError | None = None  #: what is wrong with the request
        self._request = request
        self._api = api
        self._form: FormReader | None = None  # reads the body of an upload as it comes in
        # Not a list: a body in pieces of two bytes would take 28 times its size.
        self._body: bytearray | Form = bytearray()
        self._room = api.limits.body
        try:
            self._admit(objection)
        except ApiError as error:
            self.refusal = error.with_traceback(None)  # whose frames hold this: a cycle

    def feed(self, data: bytes) -> bool:
        """A piece of the body. False: no more of it is wanted."""
        if self.refusal is None:
            try:
                self._take(data)
            except ApiError as error:
                self.refusal, self._form, self._body = error.with_traceback(None), None, bytearray()
        return self.refusal is None

    def body(self) -> bytes | Form:
        """The body, which has come in whole.

        :raises ApiError: it is not what the endpoint takes.
        """
        if self._form is not None:
            self._body, self._form = self._form.end(), None
        if self.route is not None and self.route.endpoint in _JSON:
            self._require_json()
        return self._body if isinstance(self._body, Form) else bytes(self._body)

    def forget(self) -> None:
        """The body was understood, and is not asked for again."""
        self._body = bytearray()

    def _admit(self, objection: ApiError | None) -> None:
        request, api = self._request, self._api
        if sum(map(len, request.headers)) + sum(map(len, request.headers.values())) > api.limits.headers:
            raise TooManyHeaders(f"The header fields are longer than {api.limits.headers} bytes.")
        if b"content-length" in request.headers and b"transfer-encoding" in request.headers:
            # "Such a message might indicate an attempt to perform request smuggling ... and ought to be handled as an
            # error" - RFC 9112 section 6.3. The connection ends with it: nothing behind it is taken for a request.
            error = InvalidRequest("The request has both Content-Length and Transfer-Encoding.", code="invalid_http")
            error.headers = ((b"connection", b"close"),)
            raise error
        if request.method == "OPTIONS":
            return  # a preflight has no key, and every path takes it
        try:
            route = self.route = match(request.method, request.target)
        except ApiError:
            authenticate(request.headers, api.keys)  # a stranger learns nothing about paths either
            raise
        if route.endpoint not in _OPEN and not (route.endpoint is Endpoint.GUI and api.gui):
            self.principal = authenticate(request.headers, api.keys)
            if objection is not None:
                raise objection
        form = route.endpoint in _FORMS
        self._room = api.limits.upload if form else api.limits.body
        length = request.headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > self._room:
            raise _too_large(self._room)
        if form:
            self._form = FormReader(request.headers.get(b"content-type", b""), api.limits.form)

    def _take(self, data: bytes) -> None:
        self._room -= len(data)
        if self._room < 0:
            limits = self._api.limits
            raise _too_large(limits.body if self._form is None else limits.upload)
        if self._form is not None:
            self._form.feed(data)
        elif isinstance(self._body, bytearray):
            self._body += data

    def _require_json(self) -> None:
        # A page on any web site may post text/plain here without asking the browser; application/json it may not.
        # https://fetch.spec.whatwg.org/#cors-safelisted-request-header
        # A typeless Blob is sent without a type, but never without an origin.
        headers = self._request.headers
        usual = b"" if b"origin" in headers else b"application/json"
        kind = headers.get(b"content-type", usual).partition(b";")[0].strip().lower()
        if kind != b"application/json" and not kind.endswith(b"+json"):
            raise UnsupportedMediaType(f"The body must be 'application/json', not '{kind.decode('latin-1')[:80]}'.")


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The request body is larger than {limit} bytes.")
