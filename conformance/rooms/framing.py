"""Bytes that are not HTTP, or HTTP that two readers understand differently: refused with 4xx (or 501, 505) or a closed
connection; never a 200, never a 500, never silence, and the server goes on. RFC 9112 section 11 tells the attacks.
"""

from collections.abc import Iterator

from conformance import shapes
from conformance.case import Failed, case, fail_if
from conformance.found import show
from conformance.message import Gone, Reply, Silent, Violation, chunked
from conformance.target import CHAT, Target

RFC = "https://www.rfc-editor.org/rfc/rfc9112"
SMUGGLED = "X-Smuggled"
PATIENCE = 2.0  # seconds a server may think about bytes that can never become a request


def answer(target: Target, data: bytes, *, finish: bool = False) -> Reply | None:
    """The first reply to these bytes, None when the server just closes; `Failed` when it does neither."""
    with target.connect(PATIENCE) as connection:
        try:
            connection.send_until_answered([data])
            if finish:
                connection.finish_sending()
            return connection.reply("POST")
        except Gone:
            return None
        except Silent:
            raise Failed(f"neither an answer nor a close within {PATIENCE:g} s") from None


def refused(target: Target, variants: dict[str, bytes], *also: int, finish: bool = False) -> None:
    """Each of these is refused; `also` are statuses beyond 4xx, 501 and 505 that are right, too."""
    wrong = []
    for name, data in variants.items():
        try:
            reply = answer(target, data, finish=finish)
        except (Failed, Violation) as failed:
            wrong.append(f"{name}: {failed}")
            continue
        if reply and not (400 <= reply.status < 500 or reply.status in (501, 505, *also)):
            wrong.append(f"{name}: {reply.status} {show(reply.body, 60)}")
    target.alive()
    fail_if(wrong)


def post(target: Target, *headers: tuple[str, str], body: bytes = b"") -> bytes:
    return target.request("POST", CHAT, None, (*target.auth, *headers)) + body


@case(
    "framing.two-lengths", rule=f"{RFC}#section-6.3: differing Content-Length values MUST be treated as unrecoverable"
)
def two_lengths(target: Target) -> None:
    """Request smuggling: the proxy believes one, the server the other."""
    body = target.body(max_tokens=2)
    length = str(len(body))
    pairs = {"different": (length, str(len(body) - 1)), "zero first": ("0", length)}
    variants = {n: post(target, ("Content-Length", a), ("Content-Length", b), body=body) for n, (a, b) in pairs.items()}
    variants["in a list"] = post(target, ("Content-Length", f"{length}, 0"), body=body)
    refused(target, variants)


@case("framing.bad-lengths", rule="https://www.rfc-editor.org/rfc/rfc9110#section-8.6: Content-Length = 1*DIGIT")
def bad_lengths(target: Target) -> None:
    """Python's int() takes +5, 1_0 and Arabic digits; a proxy in front does not."""
    body = target.body(max_tokens=2)
    values = ("-1", f"+{len(body)}", f"{len(body)}_0", "0x10", "five", "", "1" * 40, f"{len(body)} 0")
    refused(
        target, {f"Content-Length: {value}": post(target, ("Content-Length", value), body=body) for value in values}
    )


@case("framing.length-and-chunked", rule=f"{RFC}#section-6.3: refuse, or let chunked win and close the connection")
def length_and_chunked(target: Target) -> None:
    """The other smuggling: what follows the last chunk must not be read as a second request."""
    inner = chunked([target.body(max_tokens=2)])
    hidden = target.request("GET", "/models", None, (*target.auth, (SMUGGLED, "1")))
    length = ("Content-Length", str(len(inner) + len(hidden)))
    with target.connect(PATIENCE) as connection:
        connection.send(post(target, length, ("Transfer-Encoding", "chunked"), body=inner + hidden))
        try:
            first = connection.reply("POST")
            if first.status >= 500 and first.status != 501:
                raise Failed(f"status {first.status}: {show(first.body)}")
            second = connection.reply()
        except (Gone, Silent):
            target.alive()
            return
    raise Failed(f"{first.status}, and then the smuggled request was answered with {second.status}")


@case(
    "framing.bad-codings",
    rule=f"{RFC}#section-6.1: an unknown transfer coding SHOULD be 501; chunked MUST be last and once",
)
def bad_codings(target: Target) -> None:
    """A coding one side ignores is a body only the other side sees."""
    body = chunked([target.body(max_tokens=2)])
    values = ("gzip", "chunked, gzip", "chunked, chunked", "xchunked", "chunked;q=1")
    refused(
        target,
        {f"Transfer-Encoding: {value}": post(target, ("Transfer-Encoding", value), body=body) for value in values},
    )


@case("framing.bad-chunks", rule=f"{RFC}#section-7.1: chunk-size = 1*HEXDIG; CRLF after the data")
def bad_chunks(target: Target) -> None:
    """A size that Python's int(x, 16) takes and a proxy does not, or one that never ends."""
    body = target.body(max_tokens=2)
    size = b"%x" % len(body)
    sizes = {"no hex": b"zz", "negative": b"-5", "0x": b"0x" + size, "plus": b"+" + size, "underscore": b"0_" + size}
    sizes |= {"empty": b"", "space before": b" " + size}
    coded = {f"a size {name}": value + b"\r\n" + body + b"\r\n0\r\n\r\n" for name, value in sizes.items()}
    coded["data longer than its size"] = b"5\r\n" + body + b"\r\n0\r\n\r\n"
    refused(target, {name: post(target, ("Transfer-Encoding", "chunked"), body=data) for name, data in coded.items()})
    # 2^64 and the true size: a C server that wraps around answers 200. To wait for so many bytes is allowed.
    with target.connect(0.5) as connection:
        wrapped = b"1%016x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        connection.send(post(target, ("Transfer-Encoding", "chunked"), body=wrapped))
        try:
            reply = connection.reply("POST")
        except (Gone, Silent):
            return
    if not 400 <= reply.status < 500:
        raise Failed(f"a size of 2^64 + {len(body)}: {reply.status}")


@case(
    "framing.header-bomb", rule="https://www.rfc-editor.org/rfc/rfc6585#section-5: 431 Request Header Fields Too Large"
)
def header_bomb(target: Target) -> None:
    """100 MB of headers must be refused long before they are all read into memory."""

    def many() -> Iterator[bytes]:
        yield target.request("GET", "/models")[:-2]
        for number in range(1600):
            yield b"".join(b"X-%d-%d: %s\r\n" % (number, line, b"a" * 1000) for line in range(62))

    def one() -> Iterator[bytes]:
        yield target.request("GET", "/models")[:-2] + b"X: "
        for _ in range(1600):
            yield b"a" * 62_500

    def line() -> Iterator[bytes]:
        yield b"GET /"
        for _ in range(1600):
            yield b"a" * 62_500

    wrong = []
    for name, bomb in (("many headers", many()), ("one header", one()), ("one request line", line())):
        with target.connect(PATIENCE) as connection:
            try:
                sent = connection.send_until_answered(bomb, pause=0.002)
                reply = connection.reply()
                if not (400 <= reply.status < 500 or reply.status == 505):
                    wrong.append(f"{name}: {reply.status}")
            except Gone:
                pass
            except Silent:
                wrong.append(f"{name}: no answer")
            if sent > 16_000_000:  # the sockets' buffers hold some megabytes that nobody reads
                wrong.append(f"{name}: {sent // 1_000_000} MB were taken")
    target.alive()
    fail_if(wrong)


@case("framing.request-line", rule=f"{RFC}#section-3: method SP request-target SP HTTP-version")
def request_line(target: Target) -> None:
    """Scanners, TLS on a plain port and typing mistakes arrive every minute on a public address."""
    rest = f"\r\nHost: {target.url.authority}\r\n\r\n".encode()
    lines = {
        "a method with @": b"G@T / HTTP/1.1",
        "no method": b"/ HTTP/1.1",
        "no version": b"GET /" + target.url.base.encode(),
        "HTTP/9.9": b"GET / HTTP/9.9",
        "a space in the target": b"GET /a b HTTP/1.1",
        "a control byte": b"GET /\x00 HTTP/1.1",
        "raw UTF-8 in the target": "GET /v1/\u00e9 HTTP/1.1".encode(),
        "an unknown method": b"BREW /v1/models HTTP/1.1",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    }
    refused(target, {name: line + rest for name, line in lines.items()}, finish=True)


@case(
    "framing.bad-headers",
    rule=f"{RFC}#section-5.1: no whitespace between name and colon; RFC 9110 section 5.5: no CR, LF, NUL",
)
def bad_headers(target: Target) -> None:
    """A space before the colon hides Transfer-Encoding from one of two readers."""
    head = target.request("GET", "/models")[:-2]
    lines = {
        "a space before the colon": b"X : 1",
        "no colon": b"hello",
        "an empty name": b": 1",
        "NUL in a value": b"X: a\x00b",
        "a name of UTF-8": "X-\u00e9: 1".encode(),
        "a bare CR": b"X: a\rY: b",
    }
    refused(target, {name: head + line + b"\r\n\r\n" for name, line in lines.items()})


@case("framing.missing-host", rule=f"{RFC}#section-3.2: 400 to an HTTP/1.1 request without, or with two Host fields")
def missing_host(target: Target) -> None:
    """Virtual hosts are chosen by it; two of them are chosen differently by two servers."""
    whole = target.request("GET", "/models")
    host = f"Host: {target.url.authority}\r\n".encode()
    refused(
        target, {"without Host": whole.replace(host, b""), "two Hosts": whole.replace(host, host + b"Host: other\r\n")}
    )


@case("framing.folded-header", rule=f"{RFC}#section-5.2: obs-fold MUST be refused with 400 or read as spaces")
def folded(target: Target) -> None:
    """Old, forbidden, and still no reason for a 500 or for silence."""
    refused(target, {"obs-fold": target.request("GET", "/models")[:-2] + b"X: a\r\n b\r\n\r\n"}, 200)


@case("framing.short-body", rule=f"{RFC}#section-8: an incomplete request: an error response or a closed connection")
def short_body(target: Target) -> None:
    """Half a body that is answered as if it were whole runs half a prompt."""
    body = target.body(max_tokens=2)
    variants = {
        "valid JSON, shorter than Content-Length": post(target, ("Content-Length", str(len(body) + 10)), body=body),
        "half of the body": post(target, ("Content-Length", str(len(body))), body=body[: len(body) // 2]),
        "no last chunk": post(target, ("Transfer-Encoding", "chunked"), body=b"%x\r\n%b\r\n" % (len(body), body)),
        "half a head": target.request("POST", CHAT, body)[:60],
    }
    refused(target, variants, finish=True)


@case("framing.refusals", rule="an error object or a closed connection, whatever the mistake", complaint=17)
def refusals(target: Target) -> None:
    """What is said about broken HTTP is said in JSON, or nothing is said: HTML and plain text reach JSON parsers."""
    wrong = []
    for name, data in {
        "two lengths": post(target, ("Content-Length", "5"), ("Content-Length", "6"), body=b"hello!"),
        "garbage": b"hello\r\n\r\n",
        "a bad chunk": post(target, ("Transfer-Encoding", "chunked"), body=b"zz\r\n"),
        "a long header": target.request("GET", "/models")[:-2] + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
    }.items():
        try:
            reply = answer(target, data)
            if reply and reply.body:
                shapes.error(reply, *range(400, 500), 501, 505)
        except (Failed, Violation) as failed:
            wrong.append(f"{name}: {failed}")
    target.alive()
    fail_if(wrong)
