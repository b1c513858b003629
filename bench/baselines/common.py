"""What the hand-written twins share: the request model, the scripted reply in OpenAI's shapes, a listening socket.

The twins are yardsticks, so they do what a competent developer writes on a plain day: pydantic on the way in, a dict
and `json.dumps` on the way out, one frame a delta. Nothing is slowed down and nothing is tuned. For the requests of
the benchmark they validate as strictly and answer as fully as the product does, so that a ratio compares ways of
building, not amounts of work. This file knows no framework.
"""

import argparse
import json
import re
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PATH = "/v1/chat/completions"
EVENT_STREAM = "text/event-stream; charset=utf-8"


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)


class Message(Strict):
    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str
    name: str | None = None


class StreamOptions(Strict):
    include_usage: bool = False


class ChatRequest(Strict):
    """The fields the twins know, with the limits of OpenAI's CreateChatCompletionRequest."""

    model: Annotated[str, Field(pattern=r"^scripted(:tokens=[1-9]\d{0,5})?$")]
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    stop: str | Annotated[list[str], Field(min_length=1, max_length=4)] | None = None
    n: Literal[1] | None = None
    seed: int | None = None
    user: str | None = None


class Reply:
    """The last user message said back, one word a delta, as a document or as frames; id and time are made here."""

    def __init__(self, chat: ChatRequest) -> None:
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self.created = int(time.time())
        self.model = chat.model
        self.include_usage = chat.stream_options is not None and chat.stream_options.include_usage
        self.deltas, self.finish = _script(chat)
        prompt = sum(len(message.content.split()) for message in chat.messages)
        self.usage: dict[str, object] = {
            "prompt_tokens": prompt,
            "completion_tokens": len(self.deltas),
            "total_tokens": prompt + len(self.deltas),
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }
        self.headers = {"x-request-id": f"req_{uuid.uuid4().hex}", "x-g4f-model": chat.model}
        if chat.stream:
            self.headers["cache-control"] = "no-cache, no-transform"
            self.headers["x-accel-buffering"] = "no"

    def document(self) -> dict[str, object]:
        """A `chat.completion`."""
        message = {"role": "assistant", "content": "".join(self.deltas), "refusal": None}
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "provider": "Scripted",
            "system_fingerprint": "fp_0",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish}],
            "usage": self.usage,
        }

    def frames(self) -> Iterator[str]:
        """`chat.completion.chunk` frames: role, one a delta, finish, usage where it was asked for, `[DONE]`."""
        yield self._frame({"role": "assistant", "content": "", "refusal": None})
        for text in self.deltas:
            yield self._frame({"content": text})
        if self.include_usage:
            yield self._frame({}, self.finish)
            yield self._event([], self.usage)
        else:
            yield self._frame({}, self.finish, self.usage)
        yield "data: [DONE]\n\n"

    def _frame(
        self, delta: dict[str, object], finish: str | None = None, usage: dict[str, object] | None = None
    ) -> str:
        return self._event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], usage)

    def _event(self, choices: list[dict[str, object]], usage: dict[str, object] | None) -> str:
        chunk: dict[str, object] = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "provider": "Scripted",
            "system_fingerprint": "fp_0",
            "choices": choices,
        }
        if usage is not None or self.include_usage:
            chunk["usage"] = usage
        return f"data: {json.dumps(chunk)}\n\n"


def _script(chat: ChatRequest) -> tuple[list[str], str]:
    said = next((message.content for message in reversed(chat.messages) if message.role == "user"), "")
    _, _, tokens = chat.model.partition(":tokens=")
    text = " ".join(islice(cycle(said.split()), int(tokens))) if tokens else said
    stops = [chat.stop] if isinstance(chat.stop, str) else chat.stop or []
    deltas = _words(text[: min((at for at in map(text.find, stops) if at >= 0), default=len(text))])
    limit = chat.max_completion_tokens or chat.max_tokens or len(deltas)
    return deltas[:limit], "length" if limit < len(deltas) else "stop"


def _words(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)


def error(message: str, param: str | None = None, code: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    return parser


def listen(port: int) -> socket.socket:
    """Listen on loopback and say so: from here on connections wait in the backlog until the framework accepts them.

    The protocol is named because asyncio turns Nagle's algorithm off only where it reads IPPROTO_TCP; with the 0 that
    `socket.create_server` leaves there, every second small write would wait 40 ms for an acknowledgement.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(256)
    print(f"Listening on http://127.0.0.1:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
    return listener
