# Uploads of cookie files: the form that brings them, and one result for each.
#
# Cookies are somebody's logins, so nobody leaves any here who may be a stranger: without keys only this very machine
# may, and no web page on it, since a page on any site may send a form anywhere without asking the browser.
# https://fetch.spec.whatwg.org/#cors-safelisted-request-header
from __future__ import annotations

import json

from .._calls import CookiesCall
from .._errors import Forbidden, InvalidRequest
from .._events import ProviderEvent, Stored
from . import Asked, Encoder, Reading

__all__ = ("CookiesReply", "read_cookie_upload")


def read_cookie_upload(asked: Asked) -> Reading:
    """A form's files as the call that keeps them.

    :raises Forbidden: the server has no keys, and the request may be a stranger's.
    :raises InvalidRequest: there are no files.
    """
    if not asked.api.keys:
        if asked.api.exposed:
            raise Forbidden("Cookies are taken from other machines only where a key is wanted: set one.")
        if asked.request.headers.get(b"origin", b"").decode("latin-1") not in ("", *asked.api.origins):
            raise Forbidden("Cookies are not taken from web pages.")
    files = tuple(file for file in asked.form.files if file.name in ("files", "file", "files[]"))
    if not files:
        raise InvalidRequest("Missing required parameter: 'files'.", param="files", code="missing_required_parameter")
    return Reading(CookiesCall(principal=asked.principal, files=files), CookiesReply())


class CookiesReply(Encoder):
    """A list with each file's name, and why it was not kept if it was not."""

    def __init__(self) -> None:
        self._stored: list[Stored] = []

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, Stored):
            self._stored.append(event)
        return b""

    def end(self) -> bytes:
        refused = [one.error for one in self._stored if one.error is not None]
        if len(refused) == len(self._stored):
            raise InvalidRequest(" ".join(refused), status=422, code="invalid_cookie_file", param="files")
        results = [
            {"filename": one.filename} if one.error is None else {"filename": one.filename, "error": one.error}
            for one in self._stored
        ]
        return json.dumps(results, separators=(",", ":")).encode("ascii")
