# Two ends of a connection in memory, for both loops: bytes written here are read there.
from __future__ import annotations

from typing import Any

import anyio
from anyio.abc import ByteStream, ObjectReceiveStream, ObjectSendStream


class Pipe(ByteStream):
    """One end. What is sent stands in a buffer of `room` pieces; more makes the sender wait, as a socket does."""

    def __init__(self, send: ObjectSendStream[bytes], receive: ObjectReceiveStream[bytes]) -> None:
        self._send = send
        self._receive = receive
        self._rest = b""

    async def receive(self, max_bytes: int = 65536) -> bytes:
        data = self._rest or await self._receive.receive()
        self._rest = data[max_bytes:]
        return data[:max_bytes]

    async def send(self, item: bytes) -> None:
        await self._send.send(item)

    async def send_eof(self) -> None:
        await self._send.aclose()

    async def aclose(self) -> None:
        await self._send.aclose()
        await self._receive.aclose()

    @property
    def extra_attributes(self) -> dict[Any, Any]:
        return {}


def pipe(room: float = 1000) -> tuple[Pipe, Pipe]:
    """The two ends of a connection."""
    there_send, here_receive = anyio.create_memory_object_stream[bytes](room)
    here_send, there_receive = anyio.create_memory_object_stream[bytes](room)
    return Pipe(here_send, here_receive), Pipe(there_send, there_receive)
