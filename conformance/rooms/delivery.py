"""How a stream travels: not held back, not compressed, not cut inside an event, not silent for too long.

What is in it, `stream` says.
"""

from contextlib import ExitStack

from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import show
from conformance.rooms.chat import talkative
from conformance.target import SCRIPTED, Target


@case(
    "delivery.no-buffering",
    rule="langgenius/dify PR 41755: Cache-Control: no-cache, no-transform; X-Accel-Buffering: no",
    complaint=25,
)
def no_buffering(target: Target) -> None:
    """nginx holds a stream back, and CDNs compress it, unless these headers forbid it."""
    head = target.stream().head
    cache = {part.strip().lower() for part in (head.header("cache-control") or "").split(",")}
    wrong = [] if "no-cache" in cache else [f"cache-control: {head.header('cache-control')} lacks no-cache"]
    if "scripted" in target.has and "no-transform" not in cache:
        wrong.append("cache-control lacks no-transform")
    if (head.header("x-accel-buffering") or "").lower() != "no":
        wrong.append(f"x-accel-buffering: {head.header('x-accel-buffering')}")
    fail_if(wrong)


@case("delivery.no-encoding", rule="a compressor waits for its window to fill", complaint=25)
def no_encoding(target: Target) -> None:
    """Clients send Accept-Encoding by default; a gzipped stream arrives all at once."""
    head = target.stream((("Accept-Encoding", "gzip, deflate, br, zstd"),)).head
    if coding := head.header("content-encoding"):
        raise Failed(f"content-encoding: {coding}")


@case("delivery.whole-frames", rule="one event, one write: some readers start anew at each read")
def whole_frames(target: Target) -> None:
    """An HTTP chunk that ends inside an event breaks readers that parse chunk by chunk."""
    stream = target.stream(**talkative(target))
    cut = [piece for piece in stream.pieces if not piece.endswith((b"\n\n", b"\r\n\r\n"))]
    if cut and stream.head.header("transfer-encoding"):
        raise Failed(f"{len(cut)} of {len(stream.pieces)} HTTP chunks end inside an event, e.g. {show(cut[0][-60:])}")


@case("delivery.prompt", rule="nginx, gzip and WSGI servers buffer: HKUDS/nanobot PR 3676", complaint=25)
def prompt(target: Target) -> None:
    """The first word must be readable while the last is not written yet."""
    fields = talkative(target)
    if "scripted" in target.has:
        fields = {"model": f"{SCRIPTED}:tokens=20,delay=20ms"}
    with target.live(**fields) as live:
        live.content()
        first = len(live.stream.events)
        for _ in live:
            pass
    if len(live.stream.pieces) < 3 or first > len(live.stream.events) // 2:
        raise Failed(
            f"{len(live.stream.events)} events came in {len(live.stream.pieces)} pieces, {first} with the first"
        )


@case(
    "delivery.keepalive",
    rule="https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes: a comment every 15 seconds",
    needs=("scripted",),
    complaint=15,
)
def keepalive(target: Target) -> None:
    """Proxies cut a silent connection after 60 s; comments keep it without any client noticing."""
    stream = target.stream(model=f"{SCRIPTED}:silence=2200ms")
    if not stream.comments:
        raise NotApplicable("no comment in 2.2 s of silence: start the server with --keepalive 1 to see some")
    if len(stream.comments) < 2:
        raise Failed(f"{len(stream.comments)} comment in 2.2 s of silence")
    fail_if([str(violation) for violation in stream.violations])
    if not stream.text.startswith("Say these words"):
        raise Failed(f"after the comments the text is {show(stream.text)}")


@case("delivery.no-crosstalk", rule="an answer belongs to one request", needs=("scripted",))
def no_crosstalk(target: Target) -> None:
    """Sixteen streams at once: encoders or buffers that are shared mix the words of two users."""
    with ExitStack() as stack:
        streams = {
            word: stack.enter_context(
                target.live(model=f"{SCRIPTED}:tokens=10,delay=5ms", messages=[{"role": "user", "content": word}])
            )
            for word in (f"word{number}" for number in range(16))
        }
        for word, live in streams.items():
            for _ in live:
                pass
            if live.stream.text.split() != [word] * 10:
                raise Failed(f"ten times {word} was asked for, {show(live.stream.text)} came")
