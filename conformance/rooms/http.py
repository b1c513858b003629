"""HTTP/1.1 as clients and proxies really speak it: connections that are used again, bodies in chunks, old versions.

Everything here is legal, and must work. What must not work is in `framing`.
"""

from conformance.case import Failed, NotApplicable, case
from conformance.found import show
from conformance.message import Gone, Reply, chunked
from conformance.sse import SseReader
from conformance.target import CHAT, Target, completed, json_of

RFC = "https://www.rfc-editor.org/rfc/rfc9112"


def fine(reply: Reply, what: str) -> Reply:
    if reply.status != 200:
        raise Failed(f"{what}: {reply.status} {show(reply.body)}")
    return reply


def chunked_head(target: Target, *more: tuple[str, str]) -> bytes:
    return target.request("POST", CHAT, None, (*target.auth, ("Transfer-Encoding", "chunked"), *more))


@case("http.keep-alive", rule=f"{RFC}#section-9.3: persistent connections are the default")
def keep_alive(target: Target) -> None:
    """Every SDK pools connections; one lost byte between two requests poisons the next answer."""
    stream, errors = target.body(stream=True, max_tokens=2), b"{}"
    bodies = [target.body(max_tokens=2), stream, errors, b"not json", None, stream, target.body(max_tokens=2)] * 2
    last = "nothing"
    with target.connect() as connection:
        for body in bodies:
            path, method = (CHAT, "POST") if body is not None else ("/models", "GET")
            try:
                connection.send(target.request(method, path, body))
                reply = connection.reply(method)
            except Gone:
                raise Failed(f"closed after {last}, which did not say so") from None
            last = f"{method} {path} with {show(body, 20)}: {reply.status}"
            if body == stream:
                check_stream(fine(reply, last).body)
            elif body not in (errors, b"not json"):
                json_of(fine(reply, last))
            if not reply.keeps_alive():
                if reply.status >= 400:
                    raise NotApplicable("the server closes the connection after an error")
                raise Failed(f"connection: close after {last}")


def check_stream(body: bytes) -> None:
    reader = SseReader()
    reader.feed(body)
    if not reader.done:
        raise Failed(f"a stream on a reused connection: {show(body)}")


@case("http.many-requests", rule=f"{RFC}#section-9.3")
def many_requests(target: Target) -> None:
    """Fifty small requests on one connection; a leak a request, or a forgotten reset, shows by then."""
    with target.connect() as connection:
        for number in range(50):
            connection.send(target.request("GET", "/models"))
            reply = connection.reply()
            json_of(fine(reply, f"request {number}"))["data"]
            if not reply.keeps_alive() and number < 49:
                raise Failed(f"connection: close after {number + 1} requests")


@case("http.close", rule=f"{RFC}#section-9.6: Connection: close MUST be honoured")
def close(target: Target) -> None:
    """Clients that say so wait for the end of the connection."""
    for body in (target.body(max_tokens=2), target.body(max_tokens=2, stream=True)):
        with target.connect() as connection:
            connection.send(target.request("POST", CHAT, body, (*target.auth, ("Connection", "close"))))
            reply = fine(connection.reply("POST"), "with Connection: close")
            if reply.keeps_alive():
                raise Failed("the reply does not say connection: close")
            if not connection.closed_within(2):
                raise Failed("the connection stays open")


@case("http.pipelining", rule=f"{RFC}#section-9.3.2: pipelined requests MUST be answered in their order")
def pipelining(target: Target) -> None:
    """Bytes of the next request that come early must neither be lost nor answered first."""
    bodies = [target.body(max_tokens=2), target.body(max_tokens=2, stream=True), b"{}"]
    whole = b"".join(target.request("POST", CHAT, body) for body in bodies) + target.request("GET", "/models")
    with target.connect() as connection:
        connection.send(whole)
        seen: list[str] = []
        for method in ("POST", "POST", "POST", "GET"):
            try:
                reply = connection.reply(method)
            except Gone:
                raise Failed(f"closed after {seen}, which did not say so") from None
            seen.append(f"{reply.status} {(reply.header('content-type') or '').partition(';')[0]}")
            if not reply.keeps_alive() and len(seen) < 4:
                raise NotApplicable(f"the server closes the connection after {seen[-1]}")
        models = json_of(reply)
    if [answer[0] for answer in seen] != ["2", "2", "4", "2"] or "event-stream" not in seen[1]:
        raise Failed(f"answers: {seen}")
    models["data"]


@case("http.early-next-request", rule=f"{RFC}#section-9.3.2")
def early_next(target: Target) -> None:
    """A request that comes while a stream runs is kept for later: a server that watches for EOF must not eat it."""
    with target.live(max_tokens=8) as live:
        live.content()
        live.connection.send(target.request("GET", "/models"))
        for _ in live:
            pass
        if not live.stream.head.keeps_alive():
            raise NotApplicable("the server closes the connection after a stream")
        try:
            json_of(fine(live.connection.reply(), "the second request"))["data"]
        except Gone:
            raise Failed("closed after the stream, which did not say so") from None


@case(
    "http.expect-continue",
    rule="https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1: 100 or a final status MUST be sent",
)
def expect_continue(target: Target) -> None:
    """curl sends it for bodies over 1 MB and waits a second when nobody answers."""
    body = target.body(max_tokens=2)
    whole = target.request("POST", CHAT, body, (*target.auth, ("Expect", "100-continue")))
    with target.connect() as connection:
        connection.send(whole[: -len(body)])
        if not connection.readable(1.5):
            raise Failed("no 100 Continue within 1.5 s")
        head = connection.head("POST")
        if head.status != 100:
            raise Failed(f"{head.status} instead of 100")
        connection.send(body)
        json_of(fine(connection.reply("POST"), "after 100 Continue"))["choices"]


@case(
    "http.expect-refused",
    rule="https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1: a final status instead of 100",
    needs=("key",),
)
def expect_refused(target: Target) -> None:
    """The whole point of Expect: a refusal that needs no body comes before the body."""
    headers = (("Expect", "100-continue"), ("Content-Length", "1000"), ("Authorization", "Bearer wrong"))
    with target.connect() as connection:
        connection.send(target.request("POST", CHAT, None, headers))
        if not connection.readable(1.5):
            raise Failed("no answer within 1.5 s")
        status = connection.head("POST").status
    if status == 100:
        raise NotApplicable("the server asks for the body before it looks at the key")
    if status != 401:
        raise Failed(f"{status} instead of 401")


@case("http.chunked-body", rule=f"{RFC}#section-7.1: a recipient MUST be able to parse the chunked transfer coding")
def chunked_body(target: Target) -> None:
    """fetch() with a stream, Go and Node clients send chunks; extensions and trailers are part of the coding."""
    body = target.body(max_tokens=2)
    variants = {
        "three chunks": chunked([body[:10], body[10:20], body[20:]]),
        "one byte a chunk": chunked(bytes([byte]) for byte in body),
        "with extension and trailer": b"%x;name=value\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(body), body),
        "upper-case size": b"%b\r\n%b\r\n0\r\n\r\n" % (b"%04X" % len(body), body),
    }
    with target.connect() as connection:
        for name, coded in variants.items():
            connection.send(chunked_head(target) + coded)
            reply = fine(connection.reply("POST"), name)
            json_of(reply)["choices"]
            if not reply.keeps_alive():
                raise Failed(f"{name}: connection: close")


@case("http.slow-bytes", rule=f"{RFC}#section-2.2: a message is a sequence of octets, not of packets")
def slow_bytes(target: Target) -> None:
    """Head and body a byte a packet: parsers that expect a line or a body in one read fail."""
    with target.connect() as connection:
        for byte in target.request("POST", CHAT, target.body(max_tokens=2)):
            connection.send(bytes([byte]))
        json_of(fine(connection.reply("POST"), "byte by byte"))["choices"]


@case("http.version-1-0", rule=f"{RFC}#section-6.1: no Transfer-Encoding unless the request is HTTP/1.1")
def version_1_0(target: Target) -> None:
    """nginx speaks HTTP/1.0 to its upstreams unless told otherwise, and would pass chunk sizes on as text."""
    for stream in (False, True):
        request = target.request("POST", CHAT, target.body(max_tokens=2, stream=stream)).replace(
            b" HTTP/1.1", b" HTTP/1.0", 1
        )
        with target.connect() as connection:
            connection.send(request)
            reply = fine(connection.reply("POST"), f"HTTP/1.0, stream={stream}")
            if reply.header("transfer-encoding"):
                raise Failed(f"stream={stream}: Transfer-Encoding: {reply.header('transfer-encoding')} to HTTP/1.0")
            if stream:
                check_stream(reply.body)
            else:
                json_of(reply)["choices"]
            if not connection.closed_within(2):
                raise Failed("the connection stays open")


@case("http.absolute-form", rule=f"{RFC}#section-3.2.2: a server MUST accept the absolute-form in requests")
def absolute_form(target: Target) -> None:
    """What a client behind a forward proxy sends."""
    whole = target.request("GET", "/models")
    origin = f"GET {target.url.scheme}://{target.url.authority}".encode()
    json_of(fine(target.exchange(whole.replace(b"GET ", origin, 1)), "absolute-form"))["data"]


@case("http.query", rule="https://www.rfc-editor.org/rfc/rfc3986#section-3.4: the query is no part of the path")
def query(target: Target) -> None:
    """Azure's clients add ?api-version=, others a cache buster."""
    completed(target.post(f"{CHAT}?api-version=2024-10-21&x=%ff", target.body(max_tokens=2)))


@case("http.content-types", rule="the body decides: curl -d sends application/x-www-form-urlencoded")
def content_types(target: Target) -> None:
    """JSON under a wrong or missing type is taken or refused with an error object, never a 500."""
    body = target.body(max_tokens=2)
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8", "x"):
        replaced = b"" if kind is None else f"Content-Type: {kind}\r\n".encode()
        request = target.request("POST", CHAT, body).replace(b"Content-Type: application/json\r\n", replaced, 1)
        reply = target.exchange(request, "POST")
        if reply.status not in (200, 400, 415, 422) or (kind and "json" in kind and reply.status != 200):
            raise Failed(f"content-type {kind}: {reply.status} {show(reply.body)}")
        json_of(reply)["choices" if reply.status == 200 else "error"]


@case("http.half-close", rule="RFC 9293 section 3.6: a side that sends FIN may go on reading")
def half_close(target: Target) -> None:
    """`nc` and some proxies close their sending side first: answered, or taken for gone, but never a crash."""
    with target.connect() as connection:
        connection.send(target.request("POST", CHAT, target.body(max_tokens=2)))
        connection.finish_sending()
        connection.closed_within(1)
    target.alive()
