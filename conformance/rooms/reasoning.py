"""What a model thinks before it answers: told under the names clients look for, and never inside the answer.

OpenAI's chat has no field for it, so two names are in use: `reasoning_content` (DeepSeek's, read by most clients) and
`reasoning` (OpenRouter's). A foreign server passes with either; a model that does not think says nothing here.
"""

from conformance.case import Failed, NotApplicable, case
from conformance.found import Found, show
from conformance.target import SCRIPTED, Stream, Target

NAMES = ("reasoning_content", "reasoning")
RULE = "langchain-ai/langchain PR 34152, 0xPlaygrounds/rig PR 1441: reasoning_content and reasoning"


def fields(target: Target) -> dict[str, object]:
    if "scripted" in target.has:
        return {"model": f"{SCRIPTED}:reasoning=5", "max_tokens": 100}
    return {"max_tokens": 600}


def thoughts(found: Found) -> str:
    """The reasoning of a message or a delta, "" where there is none; both names say the same."""
    said = {name: found.get(name).text_or_null() for name in NAMES if found.get(name).value}
    if len(set(said.values())) > 1:
        raise Failed(f"{found.path}: the two names of the reasoning differ: {show(said)}")
    return next(iter(said.values()), None) or ""


def message(target: Target) -> Found:
    """The message of a whole reply that was thought about."""
    found = target.chat(**fields(target))["choices"][0]["message"]
    if not thoughts(found):
        if "scripted" in target.has:
            raise Failed(f"no reasoning in {show(found.value)}")
        if "<think" in (found["content"].text_or_null() or ""):
            raise Failed("the reasoning stands in content")
        raise NotApplicable("the model tells no reasoning")
    return found


def streamed(target: Target) -> Stream:
    message(target)
    return target.stream(**fields(target))


@case("reasoning.whole", rule=RULE, complaint=22)
def whole(target: Target) -> None:
    """Thoughts that are dropped were paid for; thoughts inside the content are shown to the user as the answer."""
    found = message(target)
    content = found["content"].text()
    if thoughts(found) in content or "<think" in content:
        raise Failed(f"the reasoning stands in content: {show(content)}")


@case("reasoning.stream", rule=RULE, complaint=22)
def stream(target: Target) -> None:
    """User interfaces show the thoughts while they come: deltas of their own, before the answer's first."""
    seen = streamed(target).choices
    thinking = [number for number, choice in enumerate(seen) if thoughts(choice["delta"])]
    answering = [number for number, choice in enumerate(seen) if choice["delta"].get("content").value]
    if not thinking:
        raise Failed("the stream has no reasoning")
    if answering and thinking[-1] > answering[0]:
        raise Failed(f"reasoning in the deltas {thinking[0]} to {thinking[-1]}, the answer from {answering[0]} on")
    if "scripted" in target.has and len(thinking) != 5:
        raise Failed(f"reasoning=5 came in {len(thinking)} deltas")


@case("reasoning.stream-agrees", rule="a stream is the same answer in pieces", needs=("scripted",), complaint=22)
def stream_agrees(target: Target) -> None:
    """Joined, both parts are those of the whole reply: nothing lost where one ends and the other begins."""
    found, seen = message(target), streamed(target)
    joined = "".join(thoughts(choice["delta"]) for choice in seen.choices)
    if joined != thoughts(found) or seen.text != found["content"].text():
        raise Failed(f"streamed {show([joined, seen.text])}, whole {show(found.value)}")


@case("reasoning.both-names", rule=RULE, needs=("scripted",), complaint=22)
def both_names(target: Target) -> None:
    """Half of the clients look for one name, half for the other."""
    found = [message(target), *(choice["delta"] for choice in streamed(target).choices)]
    for one in found:
        given = [name for name in NAMES if one.get(name).value]
        if given and given != list(NAMES):
            raise Failed(f"{one.path} has {given} only")


@case(
    "reasoning.usage",
    rule="https://github.com/openai/openai-openapi CompletionUsage.completion_tokens_details.reasoning_tokens",
    needs=("scripted",),
    complaint=22,
)
def usage(target: Target) -> None:
    """Thoughts are tokens: counted in completion_tokens, and told apart."""
    words: dict[str, object] = {"messages": [{"role": "user", "content": "one two three"}]}
    last = target.stream(**fields(target) | words, stream_options={"include_usage": True}).chunks[-1]
    for counted in (target.chat(**fields(target) | words)["usage"], last["usage"]):
        counted["completion_tokens_details"]["reasoning_tokens"].equals(5)
        counted["completion_tokens"].equals(8)


@case("reasoning.history", rule="clients send whole messages back, unknown fields included", complaint=(6, 22))
def history(target: Target) -> None:
    """The next turn's history holds the thoughts under the server's own names."""
    said = message(target).object()
    turns = [{"role": "user", "content": "Hello"}, said, {"role": "user", "content": "And now?"}]
    target.chat(**fields(target) | {"messages": turns})


@case("reasoning.absent", rule="scripted: no thoughts, no fields", needs=("scripted",), complaint=22)
def absent(target: Target) -> None:
    """An empty string opens an empty box of thoughts in user interfaces."""
    message(target)
    deltas = [choice["delta"] for choice in target.stream().choices]
    for found in (target.chat()["choices"][0]["message"], *deltas):
        if any(name in found for name in NAMES):
            raise Failed(f"{found.path} has a field for reasoning: {show(found.value)}")


@case("reasoning.effort", rule="openai-openapi ReasoningEffort: none to xhigh", needs=("scripted",), complaint=(7, 22))
def effort(target: Target) -> None:
    """Ignored, `none` still costs the thoughts, and `high` changes nothing that anybody could see."""
    told = {
        name: len(thoughts(target.chat(reasoning_effort=name, max_tokens=100)["choices"][0]["message"]).split())
        for name in ("none", "low", "high")
    }
    if told["none"] or not 0 < told["low"] < told["high"]:
        raise Failed(f"reasoning_effort gives so many words of reasoning: {told}")
    silent = target.chat(**fields(target) | {"reasoning_effort": "none"})["choices"][0]["message"]
    if thoughts(silent):
        raise Failed(f"reasoning_effort=none, yet {show(thoughts(silent))}")
