# Uploads: a multipart/form-data body read as it comes in, whatever its pieces, bounded in everything that can grow.
#
# The parser is `multipart`'s; here is what a server must add: limits with an error each, and one answer for a body
# however it was cut. The library's answer depends on the cuts in two places, so two rules are stricter here: nothing
# but one line break may stand before the first boundary, and no bare line feed in a part's header. What follows the
# last boundary is ignored: "Implementations must ignore text that appears before the first boundary delimiter line or
# after the last one" (RFC 2046 section 5.1.1); no client is known to write the former.
#
# A part with a file name is a file, every other one a field in UTF-8. Files stay in memory, where they are gone with
# the exchange that asked for them. https://www.rfc-editor.org/rfc/rfc7578
from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from ._errors import BodyTooLarge, InvalidRequest, UnsupportedMediaType

__all__ = ("Form", "FormFile", "FormLimits", "FormReader")

# "bchars ... 0*69<bchars> bcharsnospace" - RFC 2046 section 5.1.1; browsers and libraries use a few signs more.
_BOUNDARY: Final = re.compile(r"[ -~]{0,69}[!-~]", re.ASCII)
_CHARSETS: Final = frozenset({None, "utf-8", "utf8", "us-ascii", "ascii"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLimits:
    """What a form may be, each bound inclusive. Exceeded: 413."""

    #: Bytes of one file: OpenAI's "Maximum content size limit (26214400) exceeded".
    file: int = 25 * 2**20
    #: Bytes of one field: a prompt is the longest.
    field: int = 64 * 2**10
    #: Bytes of the names and values of a part's header fields.
    header: int = 4 * 2**10
    #: Fields and files together.
    parts: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FormFile:
    """A file of a form.

    :param name: the field it was sent as.
    :param filename: as the client says it: text for people, not a path.
    :param content_type: as declared, lower-case and without parameters; empty if it was not.
    """

    name: str
    filename: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A whole form: the values of each field in the order they came, and the files in theirs."""

    fields: dict[str, list[str]]
    files: list[FormFile]


class FormReader:
    """Reads one body of the given ``Content-Type``.

    :raises UnsupportedMediaType: it is no form.
    :raises InvalidRequest: a form without a boundary.
    """

    def __init__(self, content_type: bytes, limits: FormLimits | None = None) -> None:
        kind, options = parse_options_header(content_type.decode("latin-1"))
        if kind != "multipart/form-data":
            raise UnsupportedMediaType(f"The body must be 'multipart/form-data', not '{kind[:80]}'.")
        boundary = options.get("boundary", "")
        if not _BOUNDARY.fullmatch(boundary):
            raise _malformed("The Content-Type has no valid boundary.")
        self._limits = limits or FormLimits()
        self._form = Form(fields={}, files=[])
        self._parser = PushMultipartParser(
            boundary,
            # The header's bound is ours; the parser's, on single lines, keeps one without an end from growing.
            max_header_size=2 * self._limits.header,
            max_segment_count=self._limits.parts,
        )
        self._opening: bytes | None = b""  # what came before the first boundary was whole
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        # This part:
        self._name = ""
        self._filename: str | None = None
        self._content_type = ""
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """A piece of the body.

        :raises BodyTooLarge: the form exceeds a limit; a file's name is in the message.
        :raises InvalidRequest: ``invalid_multipart``. After an error the reader is spent.
        """
        if self._opening is not None:
            self._opening += data
            delimiter = self._delimiter if self._opening.startswith(b"\r") else self._delimiter[2:]
            if not self._opening.startswith(delimiter[: len(self._opening)]):
                raise _malformed("It does not begin with its boundary.")
            if len(self._opening) < len(delimiter):
                return
            data, self._opening = self._opening, None
        try:
            for event in self._parser.parse(data) if data else ():
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event is None:
                    self._finish()
                else:
                    self._data += event
                    self._check_size()
        except MultipartError as error:
            raise _refusal(error) from None

    def end(self) -> Form:
        """The body is complete: the form.

        :raises InvalidRequest: it breaks off.
        """
        try:
            self._parser.close()
        except MultipartError as error:
            raise _refusal(error) from None
        return self._form

    def _begin(self, part: MultipartSegment) -> None:
        if any("\n" in value or "\r" in value for _, value in part.headerlist):
            raise _malformed("A part's header has a line break of one character.")
        if sum(len(name) + len(value.encode()) for name, value in part.headerlist) > self._limits.header:
            raise BodyTooLarge(f"A part's header is longer than {self._limits.header} bytes.")
        if not part.name:
            raise _malformed("A part has no name.")
        if part.filename is None and (part.charset and part.charset.lower()) not in _CHARSETS:
            raise _malformed(f"The field '{part.name[:80]}' is not UTF-8.")
        self._name, self._filename, self._content_type = part.name, part.filename, part.content_type or ""

    def _check_size(self) -> None:
        if self._filename is None and len(self._data) > self._limits.field:
            what, room = f"field '{self._name[:80]}'", self._limits.field
        elif len(self._data) > self._limits.file:
            what, room = f"file '{(self._filename or '')[:200]}'", self._limits.file
        else:
            return
        raise BodyTooLarge(f"The {what} is larger than {room} bytes.", param=self._name[:80])

    def _finish(self) -> None:
        data = bytes(self._data)
        self._data = bytearray()  # a new one: clear() would keep the room of 25 MB
        if self._filename is not None:
            self._form.files.append(
                FormFile(name=self._name, filename=self._filename, content_type=self._content_type, data=data)
            )
            return
        try:
            self._form.fields.setdefault(self._name, []).append(data.decode())
        except UnicodeDecodeError:
            raise _malformed(f"The field '{self._name[:80]}' is not UTF-8.") from None


def _malformed(flaw: str) -> InvalidRequest:
    return InvalidRequest(f"The multipart body is malformed. {flaw}", code="invalid_multipart")


def _refusal(error: MultipartError) -> BodyTooLarge | InvalidRequest:
    # The library's first argument is its sentence; behind it may stand an exception.
    sentence = f"{str(error.args[0])[:200]}."
    return BodyTooLarge(sentence) if isinstance(error, ParserLimitReached) else _malformed(sentence)
