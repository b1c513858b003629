# Stored files by HTTP's own rules: conditions, ranges and validators as functions of a file's card and a request.
#
# The store that has the file asks `media_part` which of its bytes are wanted, and the encoder asks the same for the
# head, so the two cannot differ. A file is never written twice under one name: its ETag and its date are strong
# validators. Numbers in comments are sections of RFC 9110.
# https://www.rfc-editor.org/rfc/rfc9110
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

from .._calls import MediaCall
from .._errors import ApiError, InvalidRequest
from .._events import File, ProviderEvent
from . import Asked, Encoder, Headers, Reading

__all__ = ("MEDIA_TYPES", "FileReply", "MediaPart", "media_part", "read_media")

#: Suffix -> media type of what may be stored; the first suffix of a type is the one that new files get.
MEDIA_TYPES: Final[Mapping[str, str]] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
}
#: The name is a secret that only its client was told, so no cache that others share may keep the file.
_CACHE: Final = b"private, max-age=86400, immutable"
# 14.1.1: ranges-specifier = range-unit "=" range-set; here of one range. `int` reads numbers of 4000 digits.
_RANGE: Final = re.compile(rb"bytes=[ \t,]*(?:(\d{1,4000})-(\d{0,4000})|-(\d{1,4000}))[ \t,]*", re.IGNORECASE)
# 8.8.3: entity-tag = [ weak ] opaque-tag
_TAG: Final = re.compile(rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


@dataclass(frozen=True, slots=True)
class MediaPart:
    """What is answered: the status, the header fields, and the bytes from `start` up to `stop`."""

    status: int
    headers: Headers
    start: int
    stop: int


def media_part(file: File, call: MediaCall) -> MediaPart:
    """What of `file` answers `call`.

    :raises ApiError: 412, a condition is not met; 416, the range begins behind the end.
    """
    tag, headers = b'"' + file.etag.encode("ascii") + b'"', call.headers
    validators: Headers = ((b"etag", tag), (b"cache-control", _CACHE))
    _check(file, tag, headers)
    if _unchanged(file, tag, headers):
        # 15.4.5: "... Cache-Control, ETag, Expires, and Vary" and no "representation metadata other than the above"
        return MediaPart(304, validators, 0, 0)
    common: Headers = (
        (b"content-type", file.type.encode("ascii")),
        *validators,
        (b"last-modified", formatdate(file.modified, usegmt=True).encode("ascii")),
        (b"accept-ranges", b"bytes"),
        (b"x-content-type-options", b"nosniff"),
    )
    # 14.2: "A server MUST ignore a Range header field received with a request method ... for which range handling is
    # not defined. For this specification, GET is the only method for which range handling is defined."
    wanted = _range(file, tag, headers) if call.method == "GET" else None
    start, stop = wanted or (0, file.size)
    common += ((b"content-length", b"%d" % (stop - start)),)
    if wanted is not None:
        common += ((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, file.size)),)
    return MediaPart(206 if wanted else 200, common, start, start if call.method == "HEAD" else stop)


def _check(file: File, tag: bytes, headers: Mapping[bytes, bytes]) -> None:
    # 13.2.2: If-Match first, and If-Unmodified-Since only without it
    matching = headers.get(b"if-match")
    if matching is not None:
        failed = matching.strip() != b"*" and not _among(tag, matching, weak=False)
    else:
        since = _date(headers.get(b"if-unmodified-since"))
        failed = since is not None and file.modified > since
    if failed:
        raise InvalidRequest("The file is not the one the conditions name.", status=412, code="precondition_failed")


def _unchanged(file: File, tag: bytes, headers: Mapping[bytes, bytes]) -> bool:
    known = headers.get(b"if-none-match")
    if known is not None:
        # 13.1.3: "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match header field";
        # 13.1.2: "A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match"
        return known.strip() == b"*" or _among(tag, known, weak=True)
    since = _date(headers.get(b"if-modified-since"))
    return since is not None and file.modified <= since


def _range(file: File, tag: bytes, headers: Mapping[bytes, bytes]) -> tuple[int, int] | None:
    """From where up to where; None: the whole file."""
    # 14.2: "A server that supports range requests MAY ignore or reject a Range header field that contains an invalid
    # ranges-specifier ... or a ranges-specifier with ... many small ranges". We ignore these, and several ranges too:
    # 15.3.7.2 would have them as multipart/byteranges, which no player of media asks for.
    found = _RANGE.fullmatch(headers.get(b"range", b"").strip())
    if found is None or not _if_range(file, tag, headers.get(b"if-range")):
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        # 14.1.2: "If the selected representation is shorter than the specified suffix-length, the entire
        # representation is used."
        start, stop, fits = max(0, file.size - int(suffix)), file.size, int(suffix) > 0
        if fits and not file.size:
            return None  # satisfiable, but no Content-Range can say it
    else:
        # "An int-range is invalid if the last-pos value is present and less than first-pos."
        if last and int(last) < int(first):
            return None
        start, stop = int(first), min(int(last) + 1, file.size) if last else file.size
        fits = start < file.size
    if not fits:
        error = InvalidRequest(
            f"The file has {file.size} bytes: the range is not within it.", status=416, code="range_not_satisfiable"
        )
        # 15.5.17: "SHOULD generate a Content-Range header field specifying the current length"
        error.headers = ((b"content-range", b"bytes */%d" % file.size),)
        raise error
    return start, stop


def _if_range(file: File, tag: bytes, given: bytes | None) -> bool:
    # 13.1.5: an entity tag by the strong comparison, a date only if it "exactly matches the Last-Modified"
    if given is None:
        return True
    return given.strip() == tag or _date(given) == file.modified


def _among(tag: bytes, given: bytes, *, weak: bool) -> bool:
    return any(opaque == tag and (weak or not prefix) for prefix, opaque in _TAG.findall(given))


def _date(given: bytes | None) -> int | None:
    """An HTTP-date in any of its three forms (5.6.7); None where there is none: "A recipient MUST ignore" it then."""
    try:
        date = parsedate_to_datetime((given or b"").decode("ascii"))
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def read_media(asked: Asked) -> Reading:
    """A request for a stored file as the call it demands, and the encoder of its reply."""
    name = asked.route.filename or ""
    head = asked.request
    call = MediaCall(name=name, method="HEAD" if head.method == "HEAD" else "GET", headers=head.headers)
    return Reading(call, FileReply(call))


class FileReply(Encoder):
    """The file as it is; its card comes before its bytes and decides the head."""

    live = True

    def __init__(self, call: MediaCall) -> None:
        self._call = call

    def event(self, event: ProviderEvent) -> bytes:
        if isinstance(event, File):
            answer = media_part(event, self._call)
            self.status, self.headers = answer.status, answer.headers
        return event if isinstance(event, bytes) else b""

    def end(self) -> bytes:
        return b""

    def fail(self, error: ApiError) -> bytes | None:
        return None  # a file has no place for an error, and its reply stays shorter than its Content-Length
