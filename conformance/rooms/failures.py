"""Failures of what stands behind the server: before the first byte a true status, after it one error frame.

Provoked with the scripted provider, for nobody else's upstream fails on demand.
"""

from conformance import shapes
from conformance.case import Failed, case, fail_if
from conformance.found import show
from conformance.sse import DONE
from conformance.target import SCRIPTED, Stream, Target, stream_of

FIRST = "openai-python sees a failure of a 200 stream only as an error frame: a failure before it needs its own status"
FRAME = 'openai-python and node throw for data: {"error": {...}}, nested, with no event name'


@case("failures.status", rule="BerriAI/litellm#21553, cloudflare/ai#436", needs=("scripted",), complaint=(14, 24))
def status(target: Target) -> None:
    """SDKs retry 429 and 5xx and nothing else: a rewritten status changes what the client does."""
    wrong = []
    for code in (400, 403, 404, 408, 429, 500, 502, 503, 504):
        for stream in (False, True):
            reply = target.chat_reply(model=f"{SCRIPTED}:error={code}", stream=stream)
            try:
                shapes.error(reply, code)
            except Failed as failed:
                wrong.append(f"error={code}, stream={stream}: {failed}")
            if (after := reply.header("retry-after")) is not None and not after.isdigit():
                wrong.append(f"error={code}: retry-after: {after}")
    fail_if(wrong)


@case(
    "failures.retry-after",
    rule="RFC 9110 section 10.2.3; openai-python reads retry-after-ms first",
    needs=("scripted",),
    complaint=24,
)
def retry_after(target: Target) -> None:
    """Dropped on the way, the client comes back at once and is refused again."""
    for stream in (False, True):
        reply = target.chat_reply(model=f"{SCRIPTED}:error=429,retry=2500ms", stream=stream)
        shapes.error(reply, 429)
        seen = reply.header("retry-after"), reply.header("retry-after-ms")
        if seen not in (("2", "2500"), ("3", "2500")):
            raise Failed(f"retry in 2.5 s, stream={stream}: retry-after and retry-after-ms are {seen}")


@case("failures.late-json", rule=FIRST, needs=("scripted",), complaint=(14, 24))
def late_json(target: Target) -> None:
    """One JSON is not sent before the end, so a late failure still has its status."""
    shapes.error(target.chat_reply(model=f"{SCRIPTED}:error=503,after=3"), 503)


@case("failures.cut-json", rule="G4F REST API: provider_error, provider_not_working", needs=("scripted",), complaint=24)
def cut_json(target: Target) -> None:
    """An upstream that dies is a bad gateway, not an internal error and never a short answer."""
    for model in (f"{SCRIPTED}:cut=5", f"{SCRIPTED}:cut=0"):
        shapes.error(target.chat_reply(model=model), 502, type="provider_error", code="provider_not_working")


@case("failures.cut-at-once", rule=FIRST, needs=("scripted",), complaint=14)
def cut_at_once(target: Target) -> None:
    """Dead before the first word, and streaming: still a status."""
    reply = target.chat_reply(model=f"{SCRIPTED}:cut=0", stream=True)
    shapes.error(reply, 502, type="provider_error", code="provider_not_working")


@case("failures.mid-stream", rule=FRAME, needs=("scripted",), complaint=14)
def mid_stream(target: Target) -> None:
    """What came stays; then one error frame and [DONE], never a finish_reason as if all were well."""
    stream = target.stream(model=f"{SCRIPTED}:tokens=9,error=500,after=3")
    ends_in_error(stream, 3)


@case("failures.cut-mid-stream", rule=FRAME, needs=("scripted",), complaint=14)
def cut_mid_stream(target: Target) -> None:
    """The same when the upstream's connection dies."""
    stream = target.stream(model=f"{SCRIPTED}:tokens=9,cut=5", stream_options={"include_usage": True})
    ends_in_error(stream, 5)
    error = stream.chunks[-1]
    shapes.error_object(error, type="provider_error", code="provider_not_working")


@case("failures.after-silence", rule=FIRST, needs=("scripted",), complaint=(14, 15, 24))
def after_silence(target: Target) -> None:
    """A keepalive commits the 200; from then on a failure is a frame. Before it, still a status."""
    reply = target.chat_reply(model=f"{SCRIPTED}:silence=1200ms,error=429", stream=True)
    if reply.status == 200:
        ends_in_error(stream_of(reply), 0)
    else:
        shapes.error(reply, 429)


def ends_in_error(stream: Stream, words: int) -> None:
    fail_if([str(violation) for violation in stream.violations])
    *chunks, last = stream.chunks
    shapes.error_object(last)
    if stream.events[-1].data != DONE:
        raise Failed("no [DONE] behind the error frame")
    if any("error" in chunk for chunk in chunks):
        raise Failed("more than one error frame")
    before = Stream(stream.head, events=stream.events[:-2])
    if before.finish or len(before.text.split()) != words:
        raise Failed(f"before the error: {show(before.text)}, finish_reason {before.finish}, {words} words expected")
