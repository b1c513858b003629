"""Several answers to one question, `n`: each index an answer of its own, in one reply or interleaved in a stream."""

from conformance import shapes
from conformance.calls import SCHEMAS, asking, assembled, named, whole
from conformance.case import Failed, case
from conformance.found import Found, show
from conformance.target import SCRIPTED, Stream, Target, completed

REQUEST = "https://github.com/openai/openai-openapi CreateChatCompletionRequest.n"
USAGE = {"stream_options": {"include_usage": True}}
N = 3


def ask(target: Target, **fields: object) -> Found:
    """A whole reply of three choices; not applicable where `n` is refused."""
    return completed(shapes.offered(target.chat_reply(n=N, **fields), f"n={N}"))


def stream(target: Target, **fields: object) -> dict[int, list[Found]]:
    """The choices of a stream by their index."""
    ask(target)
    return split(target.stream(n=N, **fields))


def split(stream: Stream) -> dict[int, list[Found]]:
    found: dict[int, list[Found]] = {}
    for choice in stream.choices:
        found.setdefault(choice["index"].integer(), []).append(choice)
    if sorted(found) != list(range(N)):
        raise Failed(f"n={N} streams the choices {sorted(found)}")
    return found


def text(choices: list[Found]) -> str:
    return "".join(choice["delta"].get("content").text_or_null() or "" for choice in choices)


@case("choices.whole", rule=f"{REQUEST}: how many choices to generate", complaint=7)
def whole_reply(target: Target) -> None:
    """Each choice has every key a single one has: clients map one function over all of them."""
    choices = list(ask(target)["choices"])
    if sorted(choice["index"].integer() for choice in choices) != list(range(N)):
        raise Failed(f"n={N} gave the choices {[choice['index'].value for choice in choices]}")
    for choice in choices:
        choice["message"]["role"].equals("assistant")
        choice["message"]["content"].text()
        choice["message"]["refusal"].text_or_null()
        choice["logprobs"]
        if choice["finish_reason"].text() not in shapes.FINISHES:
            raise Failed(f"{choice.path}.finish_reason is {choice['finish_reason'].text()!r}")


@case("choices.role-once", rule='openai-node: "missing role for choice 1"', complaint=18)
def role_once(target: Target) -> None:
    """The role belongs to each choice, not to the stream: once in each, and first."""
    for index, choices in stream(target).items():
        roles = [number for number, choice in enumerate(choices) if choice["delta"].get("role").value]
        if roles != [0]:
            raise Failed(f"choice {index} has its role in the deltas {roles[:5]} instead of in the first only")


@case("choices.in-order", rule="openai-python: a choice that it does not know yet is appended to the list", complaint=3)
def in_order(target: Target) -> None:
    """The first chunk of index 1 before that of 0 is an IndexError, 2 before 1 swaps two answers."""
    ask(target)
    for _ in range(5 if "scripted" in target.has else 1):  # side by side, they come in any order
        order = list(dict.fromkeys(choice["index"].integer() for choice in target.stream(n=N).choices))
        if order != list(range(N)):
            raise Failed(f"the choices begin in the order {order}")


@case(
    "choices.finish-once", rule="https://github.com/openai/openai-openapi: finish_reason of each choice", complaint=10
)
def finish_once(target: Target) -> None:
    """One choice that never ends keeps the client's helper waiting for all of them."""
    for index, choices in stream(target).items():
        ends = [number for number, choice in enumerate(choices) if not choice["finish_reason"].is_null()]
        if ends != [len(choices) - 1]:
            raise Failed(f"choice {index} has finish_reason in {ends[:5]} of its {len(choices)} deltas")


@case("choices.same-envelope", rule="openai-openapi: each chunk has the same id", complaint=18)
def same_envelope(target: Target) -> None:
    """Three upstream requests behind one stream betray themselves by three ids."""
    ask(target)
    for key in ("id", "created", "model"):
        values = {show(chunk[key].value) for chunk in target.stream(n=N, **USAGE).chunks}
        if len(values) != 1:
            raise Failed(f"{key} differs between chunks: {sorted(values)[:3]}")


@case(
    "choices.usage", rule=f"{REQUEST}: you will be charged for the tokens across all of the choices", complaint=(1, 2)
)
def usage(target: Target) -> None:
    """One usage for all: three usage chunks, or the count of the last choice alone, make wrong bills."""
    counted = ask(target)["usage"]
    one = target.chat()["usage"]
    shapes.usage(counted)
    chunks = target.stream(n=N, **USAGE).chunks
    told = [chunk for chunk in chunks if chunk.get("usage").value]
    if len(told) != 1 or told[0].path != chunks[-1].path or len(chunks[-1]["choices"]):
        raise Failed(f"usage is told in {[chunk.path for chunk in told]} of {len(chunks)} chunks")
    shapes.usage(told[0]["usage"])
    counted["prompt_tokens"].equals(one["prompt_tokens"].integer())
    if "scripted" in target.has:
        for found in (counted, told[0]["usage"]):
            found["completion_tokens"].equals(N * one["completion_tokens"].integer())
            found["prompt_tokens"].equals(one["prompt_tokens"].integer())


@case("choices.limits", rule=f"{REQUEST}, max_tokens, stop: of each choice", complaint=(7, 9, 11))
def limits(target: Target) -> None:
    """A limit that is shared starves the last choice; one that holds for the first only lets the others run."""
    choices = list(ask(target, max_tokens=2)["choices"])
    ends = [choice["finish_reason"].text() for choice in choices]
    words = {len(choice["message"]["content"].text().split()) for choice in choices}
    if "scripted" in target.has and (set(ends) != {"length"} or words != {2}):
        raise Failed(f"max_tokens=2: {ends}, words {words}")
    stops = ["e", "a", "o", "i"]
    for choice in ask(target, stop=stops)["choices"]:
        if any(letter in choice["message"]["content"].text() for letter in stops):
            raise Failed(f"stop={stops}, yet choice {choice['index'].value} is {show(choice['message'].value)}")
    for index, deltas in stream(target, stop=stops).items():
        if any(letter in text(deltas) for letter in stops):
            raise Failed(f"stop={stops}, yet choice {index} streams {show(text(deltas))}")


@case("choices.text", rule="scripted: each choice is the whole answer", needs=("scripted",), complaint=7)
def texts(target: Target) -> None:
    """Words of one choice must not end in another."""
    words = [{"role": "user", "content": "alpha beta gamma delta"}]
    for choice in ask(target, messages=words)["choices"]:
        choice["message"]["content"].equals("alpha beta gamma delta")
    for index, deltas in stream(target, messages=words).items():
        if text(deltas) != "alpha beta gamma delta":
            raise Failed(f"choice {index} streams {show(text(deltas))}")


@case("choices.interleaved", rule="scripted: the choices are made side by side", needs=("scripted",))
def interleaved(target: Target) -> None:
    """One after the other the third choice of a slow model begins when two answers' time is over."""
    ask(target)
    seen = target.stream(n=N, model=f"{SCRIPTED}:tokens=6,delay=15ms")
    order = [choice["index"].integer() for choice in seen.choices if choice["delta"].get("content").value]
    if set(order) != set(range(N)):
        raise Failed(f"n={N} streams text of the choices {sorted(set(order))}")
    first, last = order.index(N - 1), len(order) - 1 - order[::-1].index(0)
    if first > last:
        raise Failed(f"the choices came one after the other: {order}")


@case(
    "choices.tools", rule="openai-openapi ChatCompletionMessageToolCallChunk.index: within its choice", complaint=(4, 5)
)
def tools(target: Target) -> None:
    """Indexes of calls begin at 0 in each choice; counted over the reply, the second choice's calls are holes."""
    shapes.offered(target.chat_reply(**asking(target)), "tools")
    choices = list(ask(target, **asking(target, 2))["choices"])
    seen = target.stream(n=N, **asking(target, 2))
    split(seen)
    ids = []
    for choice in choices:
        ids += [call.id for call in whole(choice)]
        choice["finish_reason"].equals("tool_calls")
    streamed = [assembled(seen, index) for index in range(N)]
    for calls in streamed:
        named(calls, *SCHEMAS)
    for found in (ids, [call.id for calls in streamed for call in calls]):
        if len(set(found)) < len(found):
            raise Failed(f"calls of different choices share an id: {found}")
