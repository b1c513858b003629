# What an answer is made of in the Responses API: items in a row, thoughts, messages and calls, each of parts.
# https://platform.openai.com/docs/api-reference/responses/object
from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from ..._events import Scored, ToolCall
from ..._text import quoted
from ..chat.envelope import token_object

__all__ = ("CALL", "REFUSAL", "TEXT", "THOUGHT", "Item", "Kind", "Part", "scores")


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of part is told.

    :param item: the type of the item it stands in.
    :param prefix: of that item's id.
    :param said: its text is told by the events of this name and ``.delta`` or ``.done``.
    :param whole: the name of the whole text in the latter.
    :param part: the part is told by the events of this name and ``.added`` or ``.done``; empty: it has none.
    :param index: the name of the part's place in its item.
    """

    item: bytes
    prefix: bytes
    said: bytes
    whole: bytes = b"text"
    part: bytes = b"response.content_part"
    index: bytes = b"content_index"


TEXT: Final = Kind(b"message", b"msg", b"response.output_text")
REFUSAL: Final = Kind(b"message", b"msg", b"response.refusal", b"refusal")
THOUGHT: Final = Kind(
    b"reasoning",
    b"rs",
    b"response.reasoning_summary_text",
    part=b"response.reasoning_summary_part",
    index=b"summary_index",
)
CALL: Final = Kind(b"function_call", b"fc", b"response.function_call_arguments", b"arguments", b"", b"")


@dataclass(slots=True)
class Part:
    """A part of an item, as far as it was said.

    :param where: the fields that name it in every event.
    """

    kind: Kind
    item: Item
    where: bytes
    pieces: list[str] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    done: bool = False

    @property
    def text(self) -> str:
        """What was said."""
        return "".join(self.pieces)

    @property
    def whole(self) -> bool:
        """Nothing more can be said of it later: it is no call, or the call's arguments are complete."""
        if self.item.call is None:
            return True
        try:
            return isinstance(json.loads(self.text), dict)
        except (ValueError, RecursionError):
            return False

    def document(self) -> bytes:
        """The part as it stands in its item, and in the events that begin and end it."""
        said = quoted(self.text)
        if self.kind is TEXT:
            return b'{"type":"output_text","text":%b,"annotations":[],"logprobs":%b}' % (said, scores(self.scored))
        if self.kind is REFUSAL:
            return b'{"type":"refusal","refusal":%b}' % said
        return b'{"type":"summary_text","text":%b}' % said


@dataclass(slots=True)
class Item:
    """An item of the answer."""

    id: bytes
    place: int
    kind: bytes
    call: ToolCall | None
    parts: list[Part] = field(default_factory=list)
    status: bytes = b"in_progress"

    def document(self) -> bytes:
        """The item, as far as it was said."""
        start = b'{"id":"%b","type":"%b","status":"%b",' % (self.id, self.kind, self.status)
        if self.call is not None:
            said = "".join(part.text for part in self.parts)
            return start + b'"call_id":%b,"name":%b,"arguments":%b}' % (
                quoted(self.call.id),
                quoted(self.call.name),
                quoted(said),
            )
        parts = b",".join(part.document() for part in self.parts)
        return (
            start + (b'"role":"assistant","content":[%b]}' if self.kind == b"message" else b'"summary":[%b]}') % parts
        )


def scores(scored: list[Scored]) -> bytes:
    """``logprobs`` of what was said."""
    if not scored:
        return b"[]"
    entries = [token_object(token) for piece in scored for token in piece.tokens]
    return json.dumps(entries, separators=(",", ":")).encode("ascii")
