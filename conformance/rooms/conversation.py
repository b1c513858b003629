"""Conversations the server keeps: `conversation_id` in the body or the path, as the G4F REST API has it.

Needs `scripted`, whose `report=messages` says how many messages it was shown: the number tells what was remembered
without the text being believed.
"""

from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

from conformance import shapes
from conformance.calls import TOOLS, named, whole
from conformance.case import Failed, case, fail_if
from conformance.found import Found, show
from conformance.target import CHAT, SCRIPTED, Target, completed, stream_of

SPEC = "G4F REST API: conversation_id, /api/{provider}/{conversation_id}/chat/completions"
NEEDS = ("scripted",)


def turn(target: Target, key: str, text: str = "hello there", **fields: object) -> Found:
    """One turn of the conversation `key`, which must succeed; the choice that answers."""
    messages = [{"role": "user", "content": text}]
    return target.chat(**({"messages": messages, "conversation_id": key} | fields))["choices"][0]


def count(target: Target, key: str, base: str | None = None) -> int:
    """How many messages the model is shown when `key` goes on; the turn that asks becomes two more."""
    body = target.body(model=f"{SCRIPTED}:report=messages", **({} if base else {"conversation_id": key}))
    found = completed(target.post(CHAT, body, base=base))["choices"][0]["message"]["content"].text()
    if not found.isdigit():
        raise Failed(f"report=messages says {show(found)}, no number")
    return int(found)


def expect(target: Target, key: str, messages: int) -> None:
    if (seen := count(target, key)) != messages:
        raise Failed(f"the model was shown {seen} messages instead of {messages}")


@case("conversation.history", rule=SPEC, needs=NEEDS)
def history(target: Target) -> None:
    """The id stands for everything said before: the question and the answer of each turn."""
    key = token_hex(8)
    turn(target, key)
    turn(target, key, "and now")
    expect(target, key, 5)
    prompt = completed(target.chat_reply(conversation_id=key, messages=[{"role": "user", "content": "one"}]))["usage"]
    # hello there (2), its echo (2), and now (2), its echo (2), the prompt of the count (7), its answer (1), one (1)
    prompt["prompt_tokens"].equals(17)


@case("conversation.stream", rule=SPEC, needs=NEEDS)
def stream(target: Target) -> None:
    """A turn that was streamed is remembered like any other."""
    key = token_hex(8)
    if not target.stream(conversation_id=key).text:
        raise Failed("no text")
    expect(target, key, 3)
    if (text := target.stream(conversation_id=key, model=f"{SCRIPTED}:report=messages").text) != "5":
        raise Failed(f"streamed, report=messages says {show(text)} instead of 5")


@case("conversation.apart", rule=SPEC, needs=NEEDS)
def apart(target: Target) -> None:
    """Two ids are two conversations, an id that looks alike is another one, and no id is none."""
    key = token_hex(8)
    turn(target, key)
    for other in (f"{key}x", key.upper() + "A", f"{key} ", f"{key}\u0000", f"../{key}"):
        expect(target, other, 1)
    for _ in range(2):
        text = target.chat(model=f"{SCRIPTED}:report=messages")["choices"][0]["message"]["content"]
        text.equals("1")
    expect(target, key, 3)


@case("conversation.path", rule=SPEC, needs=NEEDS)
def path(target: Target) -> None:
    """The id in the path names the same conversation as the one in the body, and wins over it."""
    key, other = token_hex(8), token_hex(8)
    turn(target, key)
    if (seen := count(target, key, f"/api/Scripted/{key}")) != 3:
        raise Failed(f"by the path the model was shown {seen} messages instead of 3")
    expect(target, key, 5)
    completed(target.post(CHAT, target.body(conversation_id=other), base=f"/api/Scripted/{key}"))
    expect(target, other, 1)
    expect(target, key, 9)
    escaped = target.post(CHAT, target.body(conversation_id="unused"), base="/api/Scripted/a%20b" + key)
    completed(escaped)
    expect(target, f"a b{key}", 3)


@case("conversation.path-stream", rule=SPEC, needs=NEEDS)
def path_stream(target: Target) -> None:
    """The path form streams, and an unknown provider in it is told before anything is stored."""
    key = token_hex(8)
    stream = stream_of(target.post(CHAT, target.body(stream=True), base=f"/api/Scripted/{key}"))
    if stream.head.status != 200 or not stream.text:
        raise Failed(f"{stream.head.status}, text {show(stream.text)}")
    expect(target, key, 3)
    shapes.error(target.post(CHAT, target.body(), base=f"/api/Nobody/{key}"), 404)


@case("conversation.failed-turn", rule="a turn that failed is not history", needs=NEEDS)
def failed_turn(target: Target) -> None:
    """Else the retry of a failed turn asks twice, and a half answer is taken for the model's word."""
    key = token_hex(8)
    turn(target, key)
    for options in ("error=500", "error=429", "tokens=9,cut=3", "tokens=9,error=500,after=2", "nonsense=1"):
        for streams in (False, True):
            model = f"{SCRIPTED}:{options}"
            reply = target.chat_reply(conversation_id=key, model=model, stream=streams)
            if reply.status == 200 and not streams:
                raise Failed(f"{model}: 200")
    expect(target, key, 3)


@case("conversation.left", rule="a turn whose client left is not history", needs=NEEDS, complaint=16)
def left(target: Target) -> None:
    """Nobody read the answer, so nobody means it; and the next turn must not wait for it."""
    key = token_hex(8)
    turn(target, key)
    with target.live(conversation_id=key, model=f"{SCRIPTED}:tokens=1000,delay=20ms", max_tokens=1000) as live:
        live.content(2)
    expect(target, key, 3)


@case("conversation.concurrent", rule="turns of one conversation come one after the other", needs=NEEDS)
def concurrent(target: Target) -> None:
    """Double clicks and parallel agents: no turn may be lost, and none may see half of another."""
    key = token_hex(8)
    model = f"{SCRIPTED}:report=messages,delay=2ms"
    with ThreadPoolExecutor(12) as pool:
        seen = sorted(
            pool.map(lambda _: turn(target, key, model=model)["message"]["content"].text(), range(12)), key=int
        )
    if seen != [str(1 + 2 * number) for number in range(12)]:
        raise Failed(f"the turns were shown {seen} messages instead of 1, 3, 5, ...")
    expect(target, key, 25)


@case("conversation.tools", rule="a turn that ends in calls is history, calls included", needs=NEEDS, complaint=12)
def tools(target: Target) -> None:
    """The client sends the results alone: what they answer is on the server."""
    key = token_hex(8)
    calls = whole(turn(target, key, model=f"{SCRIPTED}:calls=2", tools=TOOLS))
    named(calls, "get_weather", "get_time")
    messages = [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {number}"} for number, call in enumerate(calls)
    ]
    turn(target, key, messages=messages, tools=TOOLS)["message"]["content"].equals("result 0 result 1")
    expect(target, key, 6)


@case("conversation.instructions", rule="the newest instructions hold, once", needs=NEEDS, complaint=8)
def instructions(target: Target) -> None:
    """Clients send their system message with every turn: it must not pile up."""
    key = token_hex(8)
    for role in ("system", "developer", "system"):
        turn(target, key, messages=[{"role": role, "content": "be kind"}, {"role": "user", "content": "hello"}])
    expect(target, key, 8)


@case("conversation.bad-id", rule="conversation_id is a string", needs=NEEDS, complaint=17)
def bad_id(target: Target) -> None:
    """A number or a list as id is told; null and "" ask for nothing."""
    wrong = []
    for value in (7, ["a"], {"id": "a"}, True, "x" * 100_000):
        try:
            shapes.error(target.chat_reply(conversation_id=value), 400, param="conversation_id")
        except Failed as failed:
            wrong.append(f"{show(value, 20)}: {failed}")
    fail_if(wrong)
    for _ in range(2):
        for nothing in (None, ""):
            report = target.chat(conversation_id=nothing, model=f"{SCRIPTED}:report=messages")
            report["choices"][0]["message"]["content"].equals("1")
