"""What answers: plain async code on anyio, the same on asyncio and trio.

A provider is an async generator of events and a card that says what it is. `Run` puts one to work in a task of its own
for a stream; a single reply iterates it directly. Nothing here knows HTTP responses, status lines or frameworks.
"""

from __future__ import annotations

from .conversations import Conversations, MemoryConversations
from .cookies import CookieStore
from .history import WithHistory
from .media import MediaStore, Published
from .provider import Provider, failure
from .resting import Resting
from .run import Run
from .scripted import Scripted
from .structured import Structured
from .tokens import count_tokens

__all__ = (
    "Conversations",
    "CookieStore",
    "MediaStore",
    "MemoryConversations",
    "Provider",
    "Published",
    "Resting",
    "Run",
    "Scripted",
    "Structured",
    "WithHistory",
    "count_tokens",
    "failure",
)
