"""The shape of a chat stream: its frames, its chunks, and their agreement with the whole reply."""

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Found, show
from conformance.rooms.chat import talkative
from conformance.sse import DONE, Kind
from conformance.target import PROMPT, Stream, Target

SPEC = "https://github.com/openai/openai-openapi CreateChatCompletionStreamResponse"
OPTIONS = "https://github.com/openai/openai-openapi ChatCompletionStreamOptions.include_usage"
USAGE = {"stream_options": {"include_usage": True}}


def violations(stream: Stream, *kinds: Kind) -> None:
    fail_if([str(violation) for violation in stream.violations if violation.kind in kinds][:3])


def same(found: list[Found], key: str) -> None:
    values = {str(chunk[key].value) for chunk in found}
    if len(values) != 1:
        raise Failed(f"{key} differs between chunks: {sorted(values)[:3]}")


@case("stream.fields", rule="openai/openai-python#2722: id: and retry: break its decoder", complaint=15)
def fields(target: Target) -> None:
    """OpenAI sends `data:` lines only; decoders are written for exactly that."""
    violations(target.stream(), Kind.ID, Kind.RETRY, Kind.NAME, Kind.FIELD, Kind.NO_DATA, Kind.LINES)


@case("stream.encoding", rule="https://html.spec.whatwg.org/multipage/server-sent-events.html: always UTF-8")
def encoding(target: Target) -> None:
    """A byte order mark makes openai-python skip the whole stream."""
    violations(target.stream(), Kind.BOM, Kind.UTF8)


@case("stream.json", rule=f"{SPEC}: each event's data is one JSON object, or [DONE]")
def json_data(target: Target) -> None:
    """Everything else is a JSONDecodeError in the middle of an answer."""
    violations(target.stream(), Kind.JSON)


@case("stream.done", rule=f"{SPEC}: the stream is terminated by a data: [DONE] message", complaint=14)
def done(target: Target) -> None:
    """Without it user interfaces wait for ever; "[DONE] " with a space is a JSON error in the AI SDK."""
    stream = target.stream()
    violations(stream, Kind.NO_END, Kind.DONE, Kind.AFTER)
    if sum(event.data == DONE for event in stream.events) != 1:
        raise Failed("[DONE] was sent more than once")


@case(
    "stream.blank-line",
    rule="https://html.spec.whatwg.org/multipage/server-sent-events.html: an event ends with a blank line",
)
def blank_line(target: Target) -> None:
    """The last event without its blank line is lost in Python and Node."""
    violations(target.stream(), Kind.CUT)


@case(
    "stream.content-type",
    rule="https://html.spec.whatwg.org/multipage/server-sent-events.html#server-sent-events-intro",
)
def content_type(target: Target) -> None:
    """Browsers' and AI SDK's readers look at the type before they read."""
    kind, _, parameter = (target.stream().head.header("content-type") or "").lower().partition(";")
    if kind.strip() != "text/event-stream" or parameter.strip() not in ("", "charset=utf-8"):
        raise Failed(f"content-type: {kind};{parameter}")


@case("stream.request-id", rule="https://platform.openai.com/docs/api-reference/debugging-requests: x-request-id")
def request_id(target: Target) -> None:
    """A stream that goes wrong is looked for in the logs by it."""
    if not target.stream().head.header("x-request-id"):
        raise Failed("no x-request-id")


@case("stream.chunk-shape", rule=SPEC)
def chunk_shape(target: Target) -> None:
    """Typed clients refuse a chunk that lacks a required key, finish_reason: null among them."""
    for chunk in target.stream(**USAGE).chunks:
        chunk["object"].equals("chat.completion.chunk")
        shapes.envelope(chunk)
        for choice in chunk["choices"]:
            choice["index"].equals(0)
            choice["delta"].object()
            choice["finish_reason"].text_or_null()


@case("stream.same-id", rule=f"{SPEC}: each chunk has the same id and created", complaint=18)
def same_id(target: Target) -> None:
    """Clients group chunks by id; one that changes makes an answer of one-word messages."""
    chunks = target.stream(**USAGE).chunks
    for key in ("id", "created", "model"):
        same(chunks, key)


@case("stream.model-echo", rule="ggml-org/llama.cpp#5876, BerriAI/litellm#1571", complaint=18)
def model_echo(target: Target) -> None:
    """The model of the request, not a file name."""
    shapes.names(target.stream().chunks[0], target.model, exactly="scripted" in target.has)


@case(
    "stream.role-once",
    rule='openai-python and node merge deltas literally: two roles are "assistantassistant"',
    complaint=18,
)
def role_once(target: Target) -> None:
    """Once, and in the first chunk: the node helper throws "missing role for choice 0" otherwise."""
    roles = [number for number, choice in enumerate(target.stream().choices) if choice["delta"].get("role").value]
    if roles != [0]:
        raise Failed(f"role in the chunks {roles[:5]}{'...' if len(roles) > 5 else ''} instead of in the first only")


@case("stream.finish-once", rule=f"{SPEC}: finish_reason is null until the last chunk of a choice", complaint=10)
def finish_once(target: Target) -> None:
    """AI SDK: "stream ended without a finish reason"; text after it is dropped."""
    choices = target.stream().choices
    ends = [number for number, choice in enumerate(choices) if not choice["finish_reason"].is_null()]
    if ends != [len(choices) - 1]:
        raise Failed(f"finish_reason is set in the choices {ends[:5]} of {len(choices)}, not in the last only")
    if choices[-1]["finish_reason"].text() not in shapes.FINISHES:
        raise Failed(f"finish_reason is {choices[-1]['finish_reason'].text()!r}")


@case(
    "stream.usage-chunk",
    rule=f"{OPTIONS}: last before [DONE], choices always empty; all other chunks usage: null",
    complaint=1,
)
def usage_chunk(target: Target) -> None:
    """Clients that asked for it read the last chunk and expect nothing to index there."""
    chunks = target.stream(**USAGE).chunks
    if not chunks or len(chunks[-1]["choices"]):
        raise Failed("the last chunk is no usage chunk: its choices are not empty")
    shapes.usage(chunks[-1]["usage"])
    for chunk in chunks[:-1]:
        chunk["usage"].equals(None)
        if not len(chunk["choices"]):
            raise Failed(f"{chunk.path} has empty choices, too")


@case("stream.no-usage-chunk", rule=f"{OPTIONS}: only if set", complaint=1)
def no_usage_chunk(target: Target) -> None:
    """Clients that did not ask index choices[0] of every chunk."""
    for options in (None, {"include_usage": False}, {}):
        for chunk in target.stream(stream_options=options).chunks:
            if not len(chunk["choices"]):
                raise Failed(f"stream_options={options}: {chunk.path} {show(chunk.value)} has no choices")


@case("stream.usage-agrees", rule="ollama/ollama#4448, huggingface/text-generation-inference#2531", complaint=2)
def usage_agrees(target: Target) -> None:
    """The same prompt costs the same, streamed or not."""
    whole, chunks = target.chat()["usage"], target.stream(**USAGE).chunks
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        chunks[-1]["usage"][name].equals(whole[name].integer())


@case(
    "stream.finish-usage",
    rule="G4F REST API: without stream_options the finish chunk carries usage",
    needs=("scripted",),
    complaint=2,
)
def finish_usage(target: Target) -> None:
    """G4F's clients read usage from the last chunk without having asked."""
    shapes.usage(target.stream().chunks[-1]["usage"])


@case(
    "stream.frames",
    rule='scripted: {role, content: "", refusal: null}, the words, {} with finish_reason',
    needs=("scripted",),
)
def frames(target: Target) -> None:
    """OpenAI's own first delta, and one word a delta."""
    deltas = [
        choice["delta"].value for choice in target.stream(messages=[{"role": "user", "content": "a b c"}]).choices
    ]
    expected = [
        {"role": "assistant", "content": "", "refusal": None},
        *({"content": text} for text in ("a", " b", " c")),
        {},
    ]
    if deltas != expected:
        raise Failed(f"deltas are {show(deltas, 400)}")


@case("stream.text-agrees", rule="a stream is the same answer in pieces")
def text_agrees(target: Target) -> None:
    """Lost first tokens, doubled spaces and mangled emoji show only in this comparison."""
    fields: dict[str, object] = {"temperature": 0, "seed": 1}
    if "scripted" in target.has:
        fields = {"messages": [{"role": "user", "content": f'{PROMPT} \U0001f600 caf\u00e9 "x\\y" \u2028 {{}}'}]}
    whole, again = (target.chat(**fields)["choices"][0]["message"]["content"].text() for _ in range(2))
    if whole != again:
        raise NotApplicable("the model answers differently each time")
    seen = target.stream(**fields).text
    if seen != whole:
        raise Failed(f"streamed {show(seen)}, whole {show(whole)}")


@case(
    "stream.length",
    rule="https://github.com/openai/openai-openapi CreateChatCompletionRequest.max_tokens",
    complaint=(9, 11),
)
def length(target: Target) -> None:
    """A stream that was cut must say so."""
    stream = target.stream(**talkative(target) | {"max_tokens": 5} | USAGE)
    if stream.finish != "length":
        raise Failed(f"cut after 5 tokens, finish_reason is {stream.finish!r}")
    if (used := stream.chunks[-1]["usage"]["completion_tokens"].integer()) > 5:
        raise Failed(f"{used} completion tokens, allowed were 5")


@case("stream.stop", rule="https://github.com/openai/openai-openapi StopConfiguration", complaint=11)
def stop(target: Target) -> None:
    """What was sent cannot be taken back: a stop text split over two tokens must be held back."""
    across = "scripted" in target.has
    stops = ["o thr"] if across else ["e", "a", "o", "i"]
    stream = target.stream(stop=stops, messages=[{"role": "user", "content": "one two three" if across else PROMPT}])
    if across and stream.text != "one tw":
        raise Failed(f"stop={stops}: the text is {show(stream.text)} instead of 'one tw'")
    if any(text in stream.text for text in stops) or stream.finish != "stop":
        raise Failed(f"stop={stops}: finish_reason {stream.finish!r}, text {show(stream.text)}")


@case("stream.n", rule="https://github.com/openai/openai-openapi CreateChatCompletionRequest.n", complaint=7)
def n(target: Target) -> None:
    """Two choices interleave by their index, or are refused."""
    reply = target.chat_reply(n=2, stream=True)
    if reply.status == 400:
        shapes.error(reply, 400)
        return
    indexes = {choice["index"].integer() for choice in target.stream(n=2).choices}
    if indexes != {0, 1}:
        raise Failed(f"n=2 streams the choices {sorted(indexes)}")
