"""Legacy completions: one `text_completion` shape in both modes, echo, prompts and choices in one count, limits."""

import json

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Found, show
from conformance.message import Reply
from conformance.target import OMIT, PROMPT, SCRIPTED, Stream, Target, completed, stream_of

REQUEST = "https://github.com/openai/openai-openapi CreateCompletionRequest"
RESPONSE = "https://github.com/openai/openai-openapi CreateCompletionResponse"
PATH = "/completions"
FINISHES = ("stop", "length", "content_filter")
USAGE = {"stream_options": {"include_usage": True}}


def post(target: Target, **fields: object) -> Reply:
    base: dict[str, object] = {"model": target.model, "prompt": PROMPT, "max_tokens": 24, "temperature": 0}
    body = {key: value for key, value in (base | fields).items() if value is not OMIT}
    return target.post(PATH, json.dumps(body).encode())


def ask(target: Target, **fields: object) -> Found:
    """A whole reply; not applicable where there is no such route, or where even the plainest request is refused."""
    reply = post(target)
    if reply.status in (404, 405):
        raise NotApplicable(f"the server has no {PATH}")
    shapes.offered(reply, "legacy completions")
    return completed(post(target, **fields) if fields else reply)


def stream(target: Target, **fields: object) -> Stream:
    """The same, streamed."""
    ask(target)
    reply = post(target, stream=True, **fields)
    if reply.status != 200 or "event-stream" not in (reply.header("content-type") or ""):
        raise Failed(f"no stream but {reply.status}: {show(reply.body)}")
    return stream_of(reply)


def texts(choices: list[Found]) -> dict[int, str]:
    """What each choice says, whole or in pieces, by its index."""
    said: dict[int, str] = {}
    for choice in choices:
        index = choice["index"].integer()
        said[index] = said.get(index, "") + choice["text"].text()
    return said


def both(target: Target, **fields: object) -> list[dict[int, str]]:
    """The texts of a whole reply and of a stream."""
    return [texts(list(ask(target, **fields)["choices"])), texts(stream(target, **fields).choices)]


@case("completions.shape", rule=f"{RESPONSE}: id, object, created, model, choices; logprobs null", complaint=(7, 18))
def shape(target: Target) -> None:
    """LangChain's `OpenAI` and older tools read `choices[].text`; a chat's `message` there is a KeyError."""
    found = ask(target)
    found["object"].equals("text_completion")
    shapes.envelope(found)
    shapes.names(found, target.model, exactly="scripted" in target.has)
    shapes.usage(found["usage"])
    for choice in found["choices"]:
        choice["index"].integer()
        choice["text"].text()
        choice["logprobs"].equals(None)
        if choice["finish_reason"].text() not in FINISHES:
            raise Failed(f"{choice.path}.finish_reason is {choice['finish_reason'].text()!r}")


@case("completions.stream", rule=f"{RESPONSE}: the same object is streamed; data: [DONE] ends it", complaint=18)
def streamed(target: Target) -> None:
    """Each chunk is a `text_completion` with the one id; joined, their texts are the whole reply's."""
    seen = stream(target)
    if not seen.events or seen.events[-1].data != "[DONE]":
        raise Failed("the stream does not end in [DONE]")
    for key in ("id", "created", "model"):
        values = {show(chunk[key].value) for chunk in seen.chunks}
        if len(values) != 1:
            raise Failed(f"{key} differs between chunks: {sorted(values)[:3]}")
    for chunk in seen.chunks:
        chunk["object"].equals("text_completion")
        for choice in chunk["choices"]:
            choice["text"].text()
    ends = [place for place, choice in enumerate(seen.choices) if not choice["finish_reason"].is_null()]
    if ends != [len(seen.choices) - 1]:
        raise Failed(f"finish_reason stands in {ends} of {len(seen.choices)} chunks")
    if "scripted" in target.has and texts(seen.choices) != texts(list(ask(target)["choices"])):
        raise Failed(f"the stream says {show(texts(seen.choices)[0])}, the reply something else")


@case("completions.echo", rule=f"{REQUEST}.echo: echo back the prompt in addition to the completion", complaint=7)
def echo(target: Target) -> None:
    """Editors insert the reply in place of the prompt: without the echo the user's own text is gone."""
    plain = texts(list(ask(target)["choices"]))[0]
    for said in both(target, echo=True):
        if not said[0].startswith(PROMPT) or ("scripted" in target.has and said[0] != PROMPT + plain):
            raise Failed(f"echo=true gave {show(said[0])}")


@case("completions.prompts", rule=f"{REQUEST}.prompt, n: choices are numbered prompt by prompt", complaint=7)
def prompts(target: Target) -> None:
    """Evaluations send prompts in batches and cut the choices at every n: an order of their own mixes the answers."""
    ask(target)
    fields: dict[str, object] = {"prompt": ["alpha beta", "gamma delta"], "n": 2, "echo": True}
    for said in both(target, **fields):
        if sorted(said) != [0, 1, 2, 3]:
            raise Failed(f"2 prompts with n=2 gave the choices {sorted(said)}")
        wrong = [index for index in range(4) if not said[index].startswith(("alpha", "gamma")[index // 2])]
        if wrong:
            raise Failed(f"the choices {wrong} answer another prompt: {show(said[wrong[0]])}")
        if "scripted" in target.has and said[3] != "gamma deltagamma delta":
            raise Failed(f"choice 3 is {show(said[3])}")


@case("completions.stop", rule=f"{REQUEST}.stop: the returned text will not contain the stop sequence", complaint=11)
def stop(target: Target) -> None:
    """Few-shot prompts end by a stop of theirs; leaked, it becomes part of the parsed answer."""
    stops = ["e", "a", "o", "i"]
    ask(target, stop=stops)
    for said in both(target, stop=stops):
        if any(letter in said[0] for letter in stops):
            raise Failed(f"stop={stops}, yet the text is {show(said[0])}")


@case(
    "completions.max-tokens",
    rule=f"{REQUEST}.max_tokens: defaults to 16",
    needs=("scripted",),
    complaint=(7, 9, 11),
)
def max_tokens(target: Target) -> None:
    """Old clients rely on the default: a completion that nobody bounds runs to the end of the context."""
    model = f"{SCRIPTED}:tokens=40"
    for given, expected in ((OMIT, 16), (None, 16), (3, 3), (30, 30)):
        choice = ask(target, model=model, max_tokens=given)["choices"][0]
        words, reason = len(choice["text"].text().split()), choice["finish_reason"].text()
        if (words, reason) != (expected, "length"):
            raise Failed(f"max_tokens={show(given)}: {words} words, finish_reason {reason!r}")


@case("completions.refused", rule="scripted: what is not honoured is refused by name", needs=("scripted",), complaint=7)
def refused(target: Target) -> None:
    """An ignored `suffix` inserts text that does not fit, ignored `logprobs` score every answer as equal."""
    ask(target)
    wrong = []
    for fields, param in (
        ({"suffix": "the end"}, "suffix"),
        ({"logprobs": 2}, "logprobs"),
        ({"best_of": 3}, "best_of"),
        ({"prompt": [1, 2, 3]}, "prompt[0]"),
        ({"prompt": [[1], [2]]}, "prompt[0]"),
    ):
        try:
            shapes.error(post(target, **fields), 400, param=param)
        except Failed as failed:
            wrong.append(f"{fields}: {failed}")
    fail_if(wrong)


@case("completions.errors", rule=f"{REQUEST}: prompt and model are required, n from 1 to 128", complaint=17)
def errors(target: Target) -> None:
    """The old route answers with the same error object as the new one."""
    ask(target)
    wrong = []
    for fields, param, code in (
        ({"prompt": OMIT}, "prompt", "missing_required_parameter"),
        ({"prompt": 5}, "prompt", "invalid_type"),
        ({"n": 0}, "n", "integer_below_min_value"),
        ({"temperature": 9}, "temperature", "decimal_above_max_value"),
    ):
        try:
            exact = {"param": param, "code": code} if "scripted" in target.has else {}
            shapes.error(post(target, **fields), *((400,) if exact else (400, 422)), **exact)
        except Failed as failed:
            wrong.append(f"{show(fields)}: {failed}")
    fail_if(wrong)


@case("completions.usage-chunk", rule=f"{REQUEST}.stream_options: as in a chat", complaint=(1, 2))
def usage_chunk(target: Target) -> None:
    """Asked for: one chunk, the last, with an empty `choices`; not asked for: none."""
    asked = stream(target, **USAGE).chunks
    told = [chunk.path for chunk in asked if chunk.get("usage").value]
    if told != [asked[-1].path]:
        raise Failed(f"usage is told in {told} of {len(asked)} chunks")
    if len(asked[-1]["choices"]):
        raise Failed("the chunk that tells the usage has choices")
    shapes.usage(asked[-1]["usage"])
    empty = [chunk.path for chunk in stream(target).chunks if not len(chunk["choices"])]
    if empty:
        raise Failed(f"a usage chunk that nobody asked for: {empty}")
    if "scripted" in target.has:
        asked[-1]["usage"].equals(ask(target)["usage"].value)
