"""The mistakes of real servers, each as one mutation of a right one, beside the cases that must see it."""

from .answers import ANSWERS
from .dialects import DIALECTS
from .lists import LISTS
from .mutations import (
    DONE,
    body,
    choices,
    chunks,
    data,
    detail,
    drop,
    early_finish,
    error_as_text,
    every,
    failed,
    flat_error,
    header,
    html,
    message,
    numbered,
    one_comment,
    put,
    status,
    strings_only,
    success,
    swallow_first_word,
    system_only,
    usage_chunk_always,
    usage_with_choice,
)
from .pictures import PICTURES
from .proxy import Flaw
from .sounds import SOUNDS

FLAWS: dict[str, Flaw] = {
    **ANSWERS,
    **DIALECTS,
    **LISTS,
    **SOUNDS,
    **PICTURES,
    # the stream's frames
    "id fields": Flaw(("stream.fields",), events=data(lambda event: b"id: 7\n" + event)),
    "retry first": Flaw(("stream.fields",), events=lambda events: [b"retry: 3000\n\n", *events]),
    "event names": Flaw(("stream.fields",), events=data(lambda event: b"event: message\n" + event)),
    "keepalive as data": Flaw(("stream.json",), events=lambda events: [b"data: : ping\n\n", *events]),
    "keepalive as event": Flaw(("stream.fields",), events=lambda events: [b"event: keepalive\n\n", *events]),
    "a BOM": Flaw(("stream.encoding",), events=lambda events: [b"\xef\xbb\xbf", *events]),
    "no [DONE]": Flaw(("stream.done", "completions.stream"), events=lambda events: events[:-1]),
    "two [DONE]": Flaw(("stream.done",), events=lambda events: [*events, DONE]),
    "[DONE] and a space": Flaw(("stream.done",), events=lambda events: [*events[:-1], b"data: [DONE] \n\n"]),
    "no last blank line": Flaw(("stream.blank-line",), events=lambda events: [*events[:-1], DONE[:-2]]),
    "events cut in two": Flaw(
        ("delivery.whole-frames",), events=lambda events: [part for event in events for part in (event[:-1], b"\n")]
    ),
    "all at once": Flaw(("delivery.prompt",), events=lambda events: [b"".join(events)]),
    "one keepalive": Flaw(("delivery.keepalive",), events=one_comment),
    "compressed": Flaw(("delivery.no-encoding", "chat.content-type"), reply=header("content-encoding", "gzip")),
    "cacheable": Flaw(("delivery.no-buffering",), reply=header("cache-control", None)),
    "for nginx to buffer": Flaw(("delivery.no-buffering",), reply=header("x-accel-buffering", None)),
    "a stream of text": Flaw(("stream.content-type", "stream.done"), reply=header("content-type", "text/plain")),
    # the stream's chunks
    "role in every chunk": Flaw(
        ("stream.role-once", "tools.stream-role", "choices.role-once"),
        events=choices(lambda c: c["delta"].update(role="assistant")),
    ),
    "no role": Flaw(("stream.role-once", "stream.frames"), events=choices(lambda c: c["delta"].pop("role", None))),
    "finish_reason only at the end": Flaw(
        ("stream.chunk-shape",), events=choices(lambda c: c["finish_reason"] or c.pop("finish_reason"))
    ),
    "finish_reason twice": Flaw(("stream.finish-once", "choices.finish-once"), events=chunks(early_finish)),
    "no finish_reason": Flaw(
        ("stream.finish-once", "stream.length", "stream.stop"), events=choices(put(finish_reason=None))
    ),
    "stop for length": Flaw(
        ("stream.length",), events=choices(lambda c: c["finish_reason"] and put(finish_reason="stop")(c))
    ),
    "a new id each chunk": Flaw(("stream.same-id", "choices.same-envelope"), events=chunks(numbered)),
    "another model": Flaw(
        ("stream.model-echo", "chat.model-echo"), reply=success(put(model="x")), events=every(put(model="x"))
    ),
    "a whole completion's object": Flaw(("stream.chunk-shape",), events=every(put(object="chat.completion"))),
    "delta null": Flaw(("stream.chunk-shape", "stream.text-agrees"), events=choices(put(delta=None))),
    "usage chunk with a choice": Flaw(("stream.usage-chunk",), events=chunks(usage_with_choice)),
    "usage chunk unasked": Flaw(
        ("stream.no-usage-chunk", "completions.usage-chunk"), events=chunks(usage_chunk_always)
    ),
    "no usage": Flaw(
        ("stream.usage-chunk", "stream.usage-agrees", "stream.finish-usage", "chat.usage", "chat.usage-words"),
        reply=success(drop("usage")),
        events=every(drop("usage")),
    ),
    "the first word lost": Flaw(("stream.text-agrees", "stream.frames"), events=chunks(swallow_first_word)),
    "an error as a good end": Flaw(("failures.mid-stream", "failures.cut-mid-stream"), events=chunks(error_as_text)),
    "an error that is text": Flaw(("failures.mid-stream", "failures.cut-mid-stream"), events=chunks(flat_error)),
    # whole replies
    "no refusal": Flaw(("chat.nullable-keys",), reply=success(lambda found: message(found).pop("refusal"))),
    "no logprobs": Flaw(("chat.nullable-keys",), reply=success(lambda found: found["choices"][0].pop("logprobs"))),
    "no created": Flaw(("chat.shape",), reply=success(drop("created"))),
    "created in milliseconds": Flaw(
        ("chat.shape",), reply=success(lambda found: put(created=found["created"] * 1000)(found))
    ),
    "created as a float": Flaw(
        ("chat.shape",), reply=success(lambda found: put(created=found["created"] + 0.5)(found))
    ),
    "always the same id": Flaw(("chat.id",), reply=success(put(id="chatcmpl-1"))),
    "no content": Flaw(("chat.shape",), reply=success(lambda found: put(content=None)(message(found)))),
    "no choices": Flaw(("chat.shape",), reply=success(put(choices=[]))),
    "usage that does not add up": Flaw(
        ("chat.usage",), reply=success(lambda found: found["usage"].update(total_tokens=1))
    ),
    "a fingerprint that is a number": Flaw(("chat.system-fingerprint",), reply=success(put(system_fingerprint=1))),
    "no request id": Flaw(("chat.request-id", "stream.request-id"), reply=header("x-request-id", None)),
    "one request id for all": Flaw(("chat.request-id",), reply=header("x-request-id", "req_" + "0" * 32)),
    "no provider": Flaw(("chat.provider",), reply=success(drop("provider"))),
    "no x-g4f-model": Flaw(("chat.provider",), reply=header("x-g4f-model", None)),
    "JSON as text": Flaw(("chat.content-type",), reply=header("content-type", "text/plain")),
    "a redirect": Flaw(("chat.trailing-slash", "models.slashes", "chat.routes"), reply=status(lambda s: s == 200, 307)),
    # fields that are ignored
    "max_tokens ignored": Flaw(("chat.max-tokens", "stream.length", "chat.finish-stop"), request=drop("max_tokens")),
    "max_completion_tokens ignored": Flaw(
        ("chat.max-completion-tokens", "chat.both-limits"), request=drop("max_completion_tokens")
    ),
    "stop ignored": Flaw(
        ("chat.stop", "chat.stop-across-deltas", "stream.stop", "choices.limits", "completions.stop"),
        request=drop("stop"),
    ),
    "n ignored": Flaw(("chat.n", "stream.n", "errors.range-counts"), request=drop("n")),
    "logprobs ignored": Flaw(("chat.logprobs",), request=drop("logprobs", "top_logprobs")),
    "stream ignored": Flaw(("stream.done", "stream.fields"), request=drop("stream")),
    "stream_options ignored": Flaw(("stream.usage-chunk", "completions.usage-chunk"), request=drop("stream_options")),
    "temperature ignored": Flaw(
        ("errors.range-temperature", "errors.option-types"), request=drop("temperature", "top_p")
    ),
    "penalties ignored": Flaw(("errors.range-penalties",), request=drop("presence_penalty", "frequency_penalty")),
    "any model": Flaw(
        ("errors.unknown-model", "errors.missing-model", "errors.unknown-option"), request=put(model="scripted")
    ),
    "messages made up": Flaw(
        ("errors.missing-messages", "errors.no-messages", "errors.message-types"),
        request=put(messages=[{"role": "user", "content": "Say hello"}]),
    ),
    "developer dropped": Flaw(("accepts.developer",), request=system_only),
    "parts blanked": Flaw(("accepts.parts", "accepts.several-parts"), request=strings_only),
    # failures
    "200 for failures": Flaw(
        (
            "errors.never-200",
            "errors.malformed-json",
            "errors.unknown-path",
            "failures.status",
            "failures.late-json",
            "failures.cut-json",
            "failures.cut-at-once",
            "limits.too-large",
            "models.unknown",
        ),
        reply=status(lambda code: code >= 400, 200),
    ),
    "500 for 429": Flaw(("failures.status",), reply=status(lambda code: code == 429, 500)),
    "500 for 400": Flaw(
        (
            "errors.malformed-json",
            "errors.not-an-object",
            "errors.invalid-utf8",
            "limits.deep-nesting",
            "limits.huge-numbers",
        ),
        reply=status(lambda code: code == 400, 500),
    ),
    "no Retry-After": Flaw(("failures.retry-after",), reply=header("retry-after", None)),
    "404 for 413": Flaw(("limits.too-large",), reply=status(lambda code: code == 413, 404)),
    "detail for error": Flaw(
        ("errors.object", "errors.unknown-path", "errors.wrong-method", "auth.wrong-key"), reply=failed(detail)
    ),
    "HTML for errors": Flaw(("errors.malformed-json", "errors.unknown-path", "auth.missing-key"), reply=failed(html)),
    "no param": Flaw(("errors.object",), reply=failed(body(lambda found: found["error"].pop("param")))),
    "a number as code": Flaw(
        ("errors.object", "auth.wrong-key"), reply=failed(body(lambda found: found["error"].update(code=400)))
    ),
    "no Allow": Flaw(("errors.wrong-method",), reply=header("allow", None)),
    "no challenge": Flaw(("auth.challenge",), reply=header("www-authenticate", None)),
    "preflight refused": Flaw(("auth.preflight",), reply=status(lambda code: code == 204, 405)),
    "any origin with credentials": Flaw(
        ("auth.preflight",),
        reply=lambda r: header("access-control-allow-credentials", "true")(
            header("access-control-allow-origin", "*")(r)
        ),
    ),
    "CORS on success only": Flaw(
        ("auth.cors-on-errors",),
        reply=lambda r: header("access-control-allow-origin", "*")(r) if r.status == 200 else r,
    ),
    # models
    "models without created": Flaw(
        ("models.list",), reply=body(lambda f: [drop("created")(m) for m in f.get("data", ())])
    ),
    "models listed twice": Flaw(
        ("models.list",), reply=body(lambda f: put(data=f["data"] * 2)(f) if "data" in f else None)
    ),
    "a model by another name": Flaw(
        ("models.retrieve",), reply=body(lambda f: put(id="x")(f) if "owned_by" in f else None)
    ),
    # connections
    "closes without a word": Flaw(("http.keep-alive", "http.pipelining", "http.early-next-request"), curt=True),
    "says close after each reply": Flaw(("http.keep-alive", "http.many-requests"), reply=header("connection", "close")),
    "Connection: close ignored": Flaw(("http.close",), head=lambda head: head.replace("Connection: close\r\n", "")),
    "no 100 Continue": Flaw(("http.expect-continue",), frank=False),
    "HTTP/1.1 to HTTP/1.0": Flaw(("http.version-1-0",), head=lambda head: head.replace(" HTTP/1.0", " HTTP/1.1")),
    "clients that leave are not noticed": Flaw(
        ("disconnect.stream", "disconnect.json", "disconnect.silence", "disconnect.many"),
        deaf=True,
    ),
    "reads for a client that does not": Flaw(("backpressure.plateau",), greedy=True),
}
