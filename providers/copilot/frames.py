# Copilot's websocket messages as a pure machine: a message in, what our client is told and what must be sent back out.
#
# No I/O and no clock. What the service says about its own progress (connected, received, a title, suggestions) is
# dropped; an event nobody knows is too, because the service adds some every month. A challenge is an error that tells
# the operator what to do: it asks for a person, and this is none.
#
# `replaceText` takes back what was said. An answer in one piece is said when it is whole, so it is always the last
# version; a stream can only go on from what it said, and ends with an error where that was taken back.
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from g4f_proto import ApiError, InvalidRequest, ProviderChallenged, ProviderEvent, ProviderNotWorking, Reasoning

__all__ = ("PONG", "Answer", "Send", "challenged", "opening")

_LINK: Final = re.compile(r"https?://[^\s()<>]+")
_NO_TITLE: Final = re.compile(r"[\[\]\s]+")  # what would end a Markdown link's text


@dataclass(frozen=True, slots=True)
class Send:
    """A message for the service."""

    text: str


def _message(event: str, **fields: JsonValue) -> str:
    return json.dumps({"event": event, **fields}, separators=(",", ":"))


PONG: Final = Send(_message("pong"))


def opening(conversation: str, prompt: str, *, mode: str, images: Sequence[str] = ()) -> tuple[str, ...]:
    """The messages that ask: what we can show (text alone), that nobody consented to anything, then the question.

    A `send` that the first two do not precede is refused as an ``invalid-event``.

    :param images: addresses of uploaded images.
    """
    content: list[JsonValue] = [{"type": "image", "url": url} for url in images]
    content.append({"type": "text", "text": prompt})
    return (
        _message(
            "setOptions",
            supportedFeatures=[],
            supportedCards=[],
            supportedUIComponents={},
            ads={"supportedTypes": []},
            supportedActions=[],
        ),
        _message("reportLocalConsents", grantedConsents=[]),
        _message("send", conversationId=conversation, content=content, mode=mode, context={}),
    )


class Answer:
    """One answer, as it is made.

    :param whole: nothing of the text is told before all of it is here.
    """

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._parts: dict[str, list[str]] = {"": []}  # part's id -> its text, in pieces, in the order of the parts
        self._part = ""  # the one being written
        self._sources: dict[str, str] = {}  # URL -> title
        self.done = False  #: everything was said

    def receive(self, message: str | bytes) -> tuple[ProviderEvent | Send, ...]:
        """What follows from one message of the service.

        :raises ApiError: the service failed, refused, or says what cannot be read.
        """
        try:
            event = json.loads(message)
            return tuple(self._take(event["event"], event))
        except (ValueError, LookupError, TypeError, RecursionError):
            raise ProviderNotWorking("The provider's reply could not be read.") from None

    def _take(self, name: str, event: Mapping[str, JsonValue]) -> Iterator[ProviderEvent | Send]:
        match name:
            case "appendText":
                yield from self._say(_text(event, "partId", ""), _text(event, "text"))
            case "replaceText":
                yield from self._replace(_text(event, "partId", ""), _text(event, "text"))
            case "chainOfThought":
                yield Reasoning(text=_text(event, "text"))
            case "imageGenerated":
                yield from self._say(f"image {len(self._parts)}", f"\n\n![]({_link(event)})\n\n")
            case "citation":
                self._sources.setdefault(_link(event), _NO_TITLE.sub(" ", _text(event, "title", "")).strip())
            case "ping":
                yield PONG
            case "done":
                self.done = True
                yield from self._end()
            case "challenge":
                raise challenged()
            case "error":
                raise _failed(_text(event, "errorCode", ""))

    def _say(self, part: str, text: str) -> Iterator[str]:
        self._part = part or self._part
        self._parts.setdefault(self._part, []).append(text)
        if text and not self._whole:
            yield text

    def _replace(self, part: str, text: str) -> Iterator[str]:
        part = part or self._part
        said = "".join(self._parts.get(part, ()))
        if self._whole:
            self._parts[part] = [text]
        elif text.startswith(said) and (part == self._part or not said):
            yield from self._say(part, text[len(said) :])
        else:
            raise ProviderNotWorking(
                "The provider took back what it had said; ask without `stream` for its last version.",
                code="answer_replaced",
            )

    def _end(self) -> Iterator[str]:
        if self._sources:
            listed = enumerate(self._sources.items(), 1)
            lines = "\n".join(f"{number}. [{title or url}]({url})" for number, (url, title) in listed)
            yield from self._say("sources", f"\n\n{lines}")
        if self._whole:
            yield "".join(piece for part in self._parts.values() for piece in part)


def challenged() -> ApiError:
    """The service wants a person to show that it is one."""
    return ProviderChallenged(
        "Copilot asks for a check that only a person can pass. The operator of this server can sign in at "
        "https://copilot.microsoft.com and set a fresh COPILOT_ACCESS_TOKEN or upload fresh cookies."
    )


def _failed(code: str) -> ApiError:
    if code == "text-too-long":
        return InvalidRequest(
            "The messages are longer than Copilot takes.", code="context_length_exceeded", param="messages"
        )
    # The codes are words of the service's protocol; anything else that may stand there is not passed on.
    known = code if re.fullmatch(r"[a-z-]{1,40}", code) else "unknown"
    return ProviderNotWorking(f"Copilot answered with the error '{known}'.")


def _text(event: Mapping[str, JsonValue], name: str, default: str | None = None) -> str:
    value = event.get(name, default)
    if value is None:
        value = default
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _link(event: Mapping[str, JsonValue]) -> str:
    url = _text(event, "url")
    if not _LINK.fullmatch(url):
        raise ValueError("no link")
    return url
