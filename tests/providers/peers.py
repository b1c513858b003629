# The other end of a websocket: a server made of the same library's core, which can also misbehave.
from __future__ import annotations

import anyio
from anyio.abc import ByteStream
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol


class Peer:
    """One connection; `drip` writes every byte by itself."""

    def __init__(self, stream: ByteStream, *, drip: bool = False) -> None:
        self.stream, self.drip = stream, drip
        self.protocol = ServerProtocol(max_size=None)
        self.frames: list[Frame] = []
        self.request: Request | None = None

    async def accept(self, seen: bytes = b"") -> Request:
        """Read the handshake, of which `seen` was read already, and agree."""
        self.protocol.receive_data(seen)
        while not (events := self.protocol.events_received()):
            self.protocol.receive_data(await self.stream.receive())
        request = events[0]
        assert isinstance(request, Request)
        self.request = request
        self.protocol.send_response(self.protocol.accept(request))
        await self.write()
        return request

    async def refuse(self, status: int, seen: bytes = b"", **headers: str) -> None:
        """Read the handshake and answer with `status`."""
        self.protocol.receive_data(seen)
        while not self.protocol.events_received():
            self.protocol.receive_data(await self.stream.receive())
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        await self.stream.send(f"HTTP/1.1 {status} no\r\n{lines}content-length: 0\r\n\r\n".encode())

    async def frame(self) -> Frame:
        """The next frame the client sends.

        :raises anyio.EndOfStream: it left.
        """
        while not self.frames:
            try:
                self.protocol.receive_data(await self.stream.receive())
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                raise anyio.EndOfStream from None
            self.frames += [event for event in self.protocol.events_received() if isinstance(event, Frame)]
            await self.write()
        return self.frames.pop(0)

    async def text(self) -> str:
        """The next text message."""
        while (frame := await self.frame()).opcode is not Opcode.TEXT:
            assert frame.opcode is not Opcode.CLOSE
        return bytes(frame.data).decode()

    async def gone(self) -> bool:
        """Wait until the client left; whether it said goodbye."""
        try:
            while True:
                await self.frame()
        except anyio.EndOfStream:
            return self.protocol.close_rcvd is not None

    async def send(self, *fragments: str | bytes) -> None:
        """One text message, in fragments of any bytes."""
        first, *rest = [piece.encode() if isinstance(piece, str) else piece for piece in fragments]
        self.protocol.send_text(first, fin=not rest)
        for number, piece in enumerate(rest, 1):
            self.protocol.send_continuation(piece, fin=number == len(rest))
        await self.write()

    async def close(self, code: int = 1000) -> None:
        if self.protocol.state is State.OPEN:
            self.protocol.send_close(code)
        await self.write()

    async def write(self) -> None:
        pieces = self.protocol.data_to_send()
        data = b"".join(pieces)
        for piece in [bytes([byte]) for byte in data] if self.drip else [data]:
            if piece:
                await self.stream.send(piece)
        if b"" in pieces:
            await self.stream.aclose()
