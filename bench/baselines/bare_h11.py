"""The chat endpoint straight on h11 and anyio: one task a connection, everything inline, a send per frame."""

import json
import socket
from email.utils import formatdate

import anyio
import h11
from anyio.abc import SocketListener, SocketStream

from bench.baselines.common import EVENT_STREAM, PATH, ChatRequest, Reply, arguments, error, listen

Headers = list[tuple[str, str]]


async def serve_connection(stream: SocketStream) -> None:
    connection = h11.Connection(h11.SERVER)
    async with stream:
        try:
            while True:
                await serve_request(connection, stream)
                connection.start_next_cycle()
        except (h11.ProtocolError, anyio.EndOfStream, anyio.BrokenResourceError):
            pass  # no more requests: the client closed, or broke HTTP/1.1, or either side asked to close


async def serve_request(connection: h11.Connection, stream: SocketStream) -> None:
    request, body = None, bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive())
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            break
        else:
            raise anyio.EndOfStream
    assert request is not None
    if (request.method, request.target) != (b"POST", PATH.encode()):
        await send_json(connection, stream, 404, error("Unknown URL.", code="unknown_url"), {})
        return
    try:
        chat = ChatRequest.model_validate(json.loads(body))
    except ValueError as problem:  # no JSON, or no ChatRequest
        await send_json(connection, stream, 400, error(str(problem)), {})
        return
    reply = Reply(chat)
    if chat.stream:
        await send_stream(connection, stream, reply)
    else:
        await send_json(connection, stream, 200, reply.document(), reply.headers)


async def send_json(
    connection: h11.Connection, stream: SocketStream, status: int, document: dict[str, object], extra: dict[str, str]
) -> None:
    body = json.dumps(document).encode()
    headers = [("date", formatdate(usegmt=True)), ("content-type", "application/json"), *extra.items()]
    headers.append(("content-length", str(len(body))))
    head = connection.send(h11.Response(status_code=status, headers=headers))
    await stream.send(head + connection.send(h11.Data(data=body)) + connection.send(h11.EndOfMessage()))


async def send_stream(connection: h11.Connection, stream: SocketStream, reply: Reply) -> None:
    headers = [("date", formatdate(usegmt=True)), ("content-type", EVENT_STREAM), *reply.headers.items()]
    headers.append(("transfer-encoding", "chunked"))
    await stream.send(connection.send(h11.Response(status_code=200, headers=headers)))
    for frame in reply.frames():
        await stream.send(connection.send(h11.Data(data=frame.encode())))
    await stream.send(connection.send(h11.EndOfMessage()))


async def main(listener: socket.socket) -> None:
    server = await SocketListener.from_socket(listener)
    await server.serve(serve_connection)


if __name__ == "__main__":
    parser = arguments()
    parser.add_argument("--loop", choices=("asyncio", "uvloop", "trio"), default="asyncio")
    options = parser.parse_args()
    backend = "trio" if options.loop == "trio" else "asyncio"
    anyio.run(
        main,
        listen(options.port),
        backend=backend,
        backend_options={"use_uvloop": True} if options.loop == "uvloop" else {},
    )
