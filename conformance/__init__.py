"""A conformance suite for OpenAI-compatible servers: it judges any server by its URL.

    python -m conformance http://127.0.0.1:1337/v1

It speaks HTTP/1.1 over its own sockets (`wire`) and reads streams with its own strict parser (`sse`), because a
friendly client library hides the very mistakes that break somebody else's. A case (`case`) is a plain function that
takes a `Target`, and either returns, or raises `Failed` with what was seen, or `NotApplicable` with the reason.
The cases live in `rooms`, one file a subject; a new room is one new file there. `servers` alone knows how to launch
the backends of this project; nothing else here imports or assumes them.
"""
