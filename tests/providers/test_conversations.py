# Conversations kept on the server: order of turns, whose words are whose, what is stored and what never is, bounds.
from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from itertools import takewhile
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

from g4f_proto import InvalidRequest
from providers.conversations import ChatMessage, Conversations, Key, MemoryConversations, Turn, merge

pytestmark = pytest.mark.anyio

KEY: Key = ("principal", "Fake", "conv-1")
OTHER: Key = ("principal", "Fake", "conv-2")
BACKENDS = pytest.mark.parametrize("backend", ["asyncio", "trio"])


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def key(name: str) -> Key:
    return ("principal", "Fake", name)


def user(text: str) -> ChatMessage:
    return {"role": "user", "content": text}


def assistant(text: str) -> ChatMessage:
    return {"role": "assistant", "content": text}


def system(text: str, role: str = "system") -> ChatMessage:
    return {"role": role, "content": text}


async def say(store: Conversations, at: Key, *messages: ChatMessage) -> None:
    async with store.turn(at) as turn:
        await turn.keep(messages)


async def recall(store: Conversations, at: Key) -> list[ChatMessage]:
    async with store.turn(at) as turn:
        return list(turn.history)


def size(*messages: ChatMessage) -> int:
    return len(json.dumps(messages, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")) - 2


def at_rest(store: MemoryConversations) -> bool:
    """Nobody's turn anywhere, and the books are right."""
    return not store._busy and store._bytes == sum(len(kept.text) for kept in store._idle.values())


# Turns


async def test_a_conversation_goes_on() -> None:
    store = MemoryConversations()
    async with store.turn(KEY) as turn:
        assert list(turn.history) == []
        assert list(turn.ask([user("a")])) == [user("a")]
        await turn.keep([assistant("b")])
    async with store.turn(KEY) as turn:
        assert list(turn.history) == [user("a"), assistant("b")]
        assert list(turn.ask([user("c")])) == [user("a"), assistant("b"), user("c")]
        assert list(turn.history) == [user("a"), assistant("b")]
        await turn.keep([assistant("d")])
        assert list(turn.history) == [user("a"), assistant("b"), user("c"), assistant("d")]
    assert await recall(store, KEY) == [user("a"), assistant("b"), user("c"), assistant("d")]
    assert at_rest(store)


async def test_asking_again_takes_the_place_of_what_was_asked() -> None:
    store = MemoryConversations()
    async with store.turn(KEY) as turn:
        turn.ask([user("to the first provider")])
        assert list(turn.ask([user("to the second")])) == [user("to the second")]
        await turn.keep([assistant("ok")])
        await turn.keep([assistant("and more")])
    assert await recall(store, KEY) == [user("to the second"), assistant("ok"), assistant("and more")]


async def test_fifty_turns_at_once_lose_none_and_keep_their_order() -> None:
    store = MemoryConversations()
    arrived: list[str] = []
    at_work = 0

    async def one(name: str) -> None:
        nonlocal at_work
        arrived.append(name)  # nothing awaits between this line and the place in the queue
        async with store.turn(KEY) as turn:
            at_work += 1
            assert at_work == 1
            before = [message["content"] for message in turn.ask([user(name)]) if message["role"] == "user"]
            assert before == arrived[: len(before)]
            await checkpoint()
            await turn.keep([assistant(name)])
            await checkpoint()
            at_work -= 1

    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(one, str(number))
    expected = [message for name in arrived for message in (user(name), assistant(name))]
    assert len(arrived) == 50
    assert await recall(store, KEY) == expected
    assert at_rest(store)


@BACKENDS
@settings(max_examples=60, deadline=None)
@given(
    fates=st.lists(
        st.tuples(
            st.sampled_from([KEY, OTHER]),
            st.sampled_from(
                ["kept", "abandoned", "failed", "cancelled at work", "cancelled in the queue", "cancelled when let in"]
            ),
        ),
        max_size=12,
    )
)
def test_whatever_becomes_of_the_others(backend: str, fates: list[tuple[Key, str]]) -> None:
    # All turns stand in the queues before the first is let in; those that are not kept leave no word and block nobody.
    async def test() -> None:
        store = MemoryConversations()
        arrived: dict[Key, list[str]] = {KEY: [], OTHER: []}
        waiting = [anyio.CancelScope() for _ in fates]
        complete = anyio.Event()

        def cancel(which: str) -> None:
            for scope, (_, fate) in zip(waiting, fates, strict=True):
                if fate == which:
                    scope.cancel()

        def kept_before(at: Key, name: str) -> list[str]:
            earlier = arrived[at][: arrived[at].index(name)]
            return [other for other in earlier if fates[int(other)][1] == "kept"]

        async def one(number: int, at: Key, fate: str) -> None:
            name = str(number)
            arrived[at].append(name)
            if sum(map(len, arrived.values())) == len(fates):
                complete.set()
            with waiting[number], suppress(ZeroDivisionError):
                async with store.turn(at) as turn:
                    assert fate != "cancelled in the queue"
                    assert [message["content"] for message in turn.history] == kept_before(at, name)
                    turn.ask([user(name)])
                    await checkpoint()
                    if fate == "failed":
                        raise ZeroDivisionError
                    if fate == "cancelled at work":
                        waiting[number].cancel()
                        await checkpoint()
                    if fate == "kept":
                        await turn.keep([])

        async with anyio.create_task_group() as tasks:
            async with store.turn(KEY), store.turn(OTHER):
                for number, (at, fate) in enumerate(fates):
                    tasks.start_soon(one, number, at, fate)
                if fates:
                    await complete.wait()
                cancel("cancelled in the queue")
            cancel("cancelled when let in")  # in the very moment, the first of each queue; the others while they wait
        for at, names in arrived.items():
            kept = [user(name) for name in names if fates[int(name)][1] == "kept"]
            assert await recall(store, at) == kept
        assert at_rest(store)

    anyio.run(test, backend=backend)


async def test_a_cancelled_waiter_does_not_block_the_next() -> None:
    store = MemoryConversations()
    order: list[str] = []

    async def one(name: str, scope: anyio.CancelScope) -> None:
        with scope:
            async with store.turn(KEY) as turn:
                order.append(name)
                await turn.keep([user(name)])

    scopes = {name: anyio.CancelScope() for name in "abc"}
    async with anyio.create_task_group() as tasks, store.turn(KEY):
        for name, scope in scopes.items():
            tasks.start_soon(one, name, scope)
            await anyio.wait_all_tasks_blocked()  # so they stand in this order
        scopes["b"].cancel()
        await anyio.wait_all_tasks_blocked()
        assert len(store._busy[KEY].turns) == 3  # b has left the queue at once, not when its turn came
    assert order == ["a", "c"]
    assert await recall(store, KEY) == [user("a"), user("c")]
    assert at_rest(store)


async def test_different_conversations_never_wait_for_each_other() -> None:
    store = MemoryConversations()
    with anyio.fail_after(5):
        async with store.turn(KEY) as one, store.turn(OTHER) as other:
            await one.keep([user("a")])
            await other.keep([user("b")])
    assert await recall(store, KEY) == [user("a")]
    assert await recall(store, OTHER) == [user("b")]


async def test_nobody_hears_the_words_of_another() -> None:
    store = MemoryConversations()
    keys = [(who, where, "conv-1") for who in ("alice", "bob") for where in ("Fake", "Local")]

    async def chat(at: Key) -> None:
        for number in range(5):
            async with store.turn(at) as turn:
                assert all(message["content"] == f"secret of {at}" for message in turn.history)
                assert len(turn.history) == number
                turn.ask([user(f"secret of {at}")])
                await checkpoint()
                await turn.keep([])

    async with anyio.create_task_group() as tasks:
        for at in keys:
            tasks.start_soon(chat, at)
    for at in keys:
        assert await recall(store, at) == [user(f"secret of {at}")] * 5


# What leaves no trace


async def test_a_failed_turn_stores_nothing() -> None:
    store = MemoryConversations()
    await say(store, KEY, user("a"))
    with pytest.raises(ZeroDivisionError):
        async with store.turn(KEY) as turn:
            turn.ask([user("b")])
            raise ZeroDivisionError
    assert await recall(store, KEY) == [user("a")]
    assert at_rest(store)


async def test_a_cancelled_turn_stores_nothing() -> None:
    store = MemoryConversations()
    with anyio.CancelScope() as scope:
        async with store.turn(KEY) as turn:
            turn.ask([user("b")])
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert await recall(store, KEY) == []
    assert (store._busy, store._idle) == ({}, {})


async def test_a_turn_that_is_left_without_keep_stores_nothing() -> None:
    store = MemoryConversations()
    store.turn(KEY)  # never entered
    async with store.turn(KEY) as turn:
        turn.ask([user("b")])
    assert await recall(store, KEY) == []
    assert (store._busy, store._idle) == ({}, {})


async def test_a_client_that_goes_in_the_middle_of_a_stream_leaves_nothing() -> None:
    store = MemoryConversations()

    async def stream() -> AsyncGenerator[str, None]:
        async with store.turn(KEY) as turn:
            turn.ask([user("count")])
            for number in range(10):
                yield str(number)
            await turn.keep([assistant("...")])

    async with aclosing(stream()) as pieces:
        assert await anext(pieces) == "0"
    assert at_rest(store)
    assert await recall(store, KEY) == []
    async with aclosing(stream()) as pieces:
        assert len([piece async for piece in pieces]) == 10
    assert await recall(store, KEY) == [user("count"), assistant("...")]


async def test_what_was_kept_stays_when_the_turn_fails_later() -> None:
    store = MemoryConversations()
    with pytest.raises(ZeroDivisionError):
        async with store.turn(KEY) as turn:
            await turn.keep([user("a")])
            turn.ask([user("b")])
            raise ZeroDivisionError
    assert await recall(store, KEY) == [user("a")]


async def test_entering_when_cancelled_already() -> None:
    store = MemoryConversations()
    with anyio.CancelScope() as scope:
        scope.cancel()
        async with store.turn(KEY):
            pytest.fail("a cancelled task was let in")
    assert (store._busy, store._idle) == ({}, {})


async def test_what_is_changed_afterwards_is_not_changed_here() -> None:
    store = MemoryConversations()
    parts: list[Any] = [{"type": "text", "text": "a"}]
    message: dict[str, Any] = {"role": "user", "content": parts}
    await say(store, KEY, message)
    parts.clear()
    message["role"] = "tool"
    expected = [{"role": "user", "content": [{"type": "text", "text": "a"}]}]
    async with store.turn(KEY) as turn:
        assert list(turn.history) == expected
        dict.clear(turn.history[0])  # type: ignore[arg-type]
        await turn.keep([])
    assert await recall(store, KEY) == expected


# A caller's mistakes


async def test_a_turn_within_a_turn_is_refused_instead_of_waiting_for_ever() -> None:
    store = MemoryConversations()
    with anyio.fail_after(5):
        async with store.turn(KEY) as turn:
            with pytest.raises(RuntimeError, match="its own turn"):
                async with store.turn(KEY):
                    pytest.fail("two turns at once")
            await turn.keep([user("a")])
        assert await recall(store, KEY) == [user("a")]
    assert at_rest(store)


async def test_a_turn_is_entered_once() -> None:
    store = MemoryConversations()
    turn = store.turn(KEY)
    async with turn:
        with pytest.raises(RuntimeError, match="once"):
            await turn.__aenter__()
    with pytest.raises(RuntimeError, match="once"):
        async with turn:
            pytest.fail("entered again")
    assert at_rest(store)


async def test_a_turn_that_is_over_or_has_not_begun_takes_nothing() -> None:
    store = MemoryConversations()
    late: Turn
    async with store.turn(KEY) as late:
        pass
    for turn in (late, store.turn(KEY)):
        with pytest.raises(RuntimeError, match="inside"):
            turn.ask([user("a")])
        with pytest.raises(RuntimeError, match="inside"):
            await turn.keep([user("a")])
    assert await recall(store, KEY) == []


@pytest.mark.parametrize(
    "bounds",
    [{"count": 0}, {"age": 0.0}, {"conversation_bytes": 0}, {"conversation_bytes": 11, "total_bytes": 10}],
    ids=str,
)
def test_bounds_that_nothing_fits_into(bounds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="bounds"):
        MemoryConversations(**bounds)


# Bounds


async def test_too_many_the_least_recently_used_goes_first() -> None:
    store = MemoryConversations(count=3)
    for name in "abc":
        await say(store, key(name), user(name))
    await recall(store, key("a"))  # reading is using
    await say(store, key("d"), user("d"))
    assert [at[2] for at in store._idle] == ["c", "a", "d"]
    assert await recall(store, key("b")) == []
    await say(store, key("e"), user("e"))
    assert [at[2] for at in store._idle] == ["a", "d", "e"]
    assert at_rest(store)


async def test_turns_that_keep_nothing_push_nobody_out() -> None:
    store = MemoryConversations(count=2)
    for name in "ab":
        await say(store, key(name), user(name))
    for name in "cdefg":
        assert await recall(store, key(name)) == []
    assert [at[2] for at in store._idle] == ["a", "b"]


async def test_too_many_bytes_the_least_recently_used_goes_first() -> None:
    word = user("x" * 50)
    room = 2 * size(word)
    store = MemoryConversations(conversation_bytes=room, total_bytes=room)
    await say(store, key("a"), word)
    await say(store, key("b"), word)
    assert [at[2] for at in store._idle] == ["a", "b"]
    await say(store, key("c"), user(""))
    assert [at[2] for at in store._idle] == ["b", "c"]
    assert at_rest(store)


async def test_a_conversation_that_grows_pushes_others_out_and_not_itself() -> None:
    word = user("x" * 50)
    room = 2 * size(word) + 1
    store = MemoryConversations(conversation_bytes=room, total_bytes=room)
    await say(store, key("a"), word)
    await say(store, key("b"), word)
    await say(store, key("a"), word)
    assert [at[2] for at in store._idle] == ["a"]
    assert await recall(store, key("a")) == [word, word]


async def test_room_is_made_by_keeping_and_not_only_when_the_turn_is_over() -> None:
    word = user("x" * 50)
    store = MemoryConversations(conversation_bytes=size(word), total_bytes=size(word))
    await say(store, key("a"), word)
    async with store.turn(key("b")) as turn:
        assert list(store._idle) == [key("a")]
        await turn.keep([word])
        assert list(store._idle) == []


async def test_age_counts_from_the_end_of_the_last_turn() -> None:
    clock = Clock()
    store = MemoryConversations(age=60, clock=clock)
    await say(store, key("a"), user("a"))
    clock.now += 59
    async with store.turn(key("a")) as turn:
        assert list(turn.history) == [user("a")]
        clock.now += 1000  # an answer may take its time
        async with store.turn(key("b")):
            pass
    clock.now += 59
    assert await recall(store, key("a")) == [user("a")]
    clock.now += 60
    assert await recall(store, key("a")) == []
    assert (store._idle, store._bytes) == ({}, 0)


async def test_the_old_go_when_anybody_comes() -> None:
    clock = Clock()
    store = MemoryConversations(age=60, clock=clock)
    await say(store, key("a"), user("a"))
    clock.now += 30
    await say(store, key("b"), user("b"))
    clock.now += 30
    async with store.turn(key("c")):
        assert [at[2] for at in store._idle] == ["b"]


async def test_a_conversation_in_use_is_never_pushed_out() -> None:
    word = user("x" * 50)
    clock = Clock()
    store = MemoryConversations(
        count=1, conversation_bytes=size(word, word), total_bytes=size(word, word), age=60, clock=clock
    )
    await say(store, key("a"), word)
    async with anyio.create_task_group() as tasks, store.turn(key("a")):
        tasks.start_soon(say, store, key("a"), word)  # it waits, which is use too
        await anyio.wait_all_tasks_blocked()
        clock.now += 1000
        await say(store, key("b"), word)  # too many, too many bytes, and `a` is old
        assert list(store._idle) == []  # so `b` could not stay
    assert await recall(store, key("a")) == [word, word]
    assert at_rest(store)


async def test_what_turns_at_work_keep_too_much_goes_when_they_are_over() -> None:
    word = user("x" * 50)
    store = MemoryConversations(conversation_bytes=size(word), total_bytes=size(word))
    async with store.turn(key("a")) as a, store.turn(key("b")) as b:
        await a.keep([word])
        await b.keep([word])
        assert store._bytes == 2 * size(word)
    assert list(store._idle) == [key("a")]  # b was over first
    assert at_rest(store)


async def test_too_long_is_said_before_the_model_works() -> None:
    store = MemoryConversations(conversation_bytes=size(user("aaa"), assistant("b")))
    async with store.turn(KEY) as turn:
        with pytest.raises(InvalidRequest) as caught:
            turn.ask([user("a" * 1000)])
        assert list(turn.history) == []
        turn.ask([user("aaa")])  # that fits, and the refusal left nothing behind
        await turn.keep([assistant("b")])
    error = caught.value
    assert (error.status, error.code, error.param) == (400, "conversation_too_long", "conversation_id")
    assert await recall(store, KEY) == [user("aaa"), assistant("b")]


async def test_too_long_by_the_reply_leaves_the_conversation_as_it_was() -> None:
    store = MemoryConversations(conversation_bytes=100)
    await say(store, KEY, user("a"))
    with pytest.raises(InvalidRequest, match="100 bytes"):
        async with store.turn(KEY) as turn:
            turn.ask([user("b")])
            await turn.keep([assistant("c" * 100)])
    assert await recall(store, KEY) == [user("a")]
    assert at_rest(store)


async def test_bytes_are_those_of_compact_json_in_utf_8() -> None:
    length = len('{"role":"user","content":"日本"}'.encode())
    await say(MemoryConversations(conversation_bytes=length), KEY, user("日本"))
    with pytest.raises(InvalidRequest):
        await say(MemoryConversations(conversation_bytes=length - 1), KEY, user("日本"))


# Merging

texts = st.text(st.characters() | st.sampled_from("\ud83d\ude00\u2028\x00"), max_size=4)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool"])},
        optional={
            "content": texts | st.none() | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": texts})),
            "extra": st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
        },
    ),
    max_size=5,
)
Messages = list[dict[str, Any]]


@pytest.mark.parametrize(
    ("history", "new", "merged"),
    [
        pytest.param([], [system("s"), user("a")], [system("s"), user("a")], id="first-turn"),
        pytest.param(
            [system("s"), user("a"), assistant("b")],
            [system("s"), user("c")],
            [system("s"), user("a"), assistant("b"), user("c")],
            id="repeated",
        ),
        pytest.param(
            [system("s"), user("a")], [system("t"), user("c")], [system("t"), user("a"), user("c")], id="other"
        ),
        pytest.param(
            [system("s"), system("t"), user("a")],
            [system("u", "developer"), user("c")],
            [system("u", "developer"), user("a"), user("c")],
            id="developer-is-system",
        ),
        pytest.param([system("s"), user("a")], [user("c")], [system("s"), user("a"), user("c")], id="left-out"),
        pytest.param([user("a")], [system("s"), user("c")], [system("s"), user("a"), user("c")], id="late"),
        pytest.param(
            [system("s"), user("a"), system("m")],
            [user("c"), system("n")],
            [system("s"), user("a"), system("m"), user("c"), system("n")],
            id="those-in-the-middle-stay",
        ),
    ],
)
def test_merge(history: list[ChatMessage], new: list[ChatMessage], merged: list[ChatMessage]) -> None:
    assert merge(history, new) == merged


async def test_instructions_in_the_store_are_replaced_too() -> None:
    store = MemoryConversations()
    await say(store, KEY, system("s"), user("a"))
    await say(store, KEY, user("b"))
    assert await recall(store, KEY) == [system("s"), user("a"), user("b")]
    await say(store, KEY, system("t"), user("c"))
    assert await recall(store, KEY) == [system("t"), user("a"), user("b"), user("c")]


@pytest.mark.parametrize("text", ["\ud83d", "\ud83d\ude00", "\U0001f600", "\u2028\x00\x7f", "日本"], ids=ascii)
async def test_any_text_comes_back_as_it_was(text: str) -> None:
    store = MemoryConversations()
    await say(store, KEY, user(text))
    assert await recall(store, KEY) == [user(text)]


@given(messages, messages, messages)
def test_merge_is_associative(a: Messages, b: Messages, c: Messages) -> None:
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, []) == merge([], a) == a


@given(messages, messages)
def test_instructions_do_not_pile_up_and_no_other_word_is_lost(a: Messages, b: Messages) -> None:
    once = merge(a, b)
    repeated = list(takewhile(lambda m: m["role"] in ("system", "developer"), b))
    assert merge(once, repeated) == once
    rest = [m for m in once if m["role"] not in ("system", "developer")]
    assert rest == [m for m in [*a, *b] if m["role"] not in ("system", "developer")]


@BACKENDS
@settings(max_examples=50, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            messages,
            messages,
            st.sampled_from([0, 0, 1, 9]),
            st.sampled_from([True, True, False]),
        ),
        max_size=20,
    )
)
def test_it_is_a_bounded_table_of_lists(
    backend: str, steps: Sequence[tuple[str, Messages, Messages, int, bool]]
) -> None:
    # The same with lists in a dict: name -> (last use, messages), the least recently used first.
    count, one, total, age = 3, 400, 700, 20
    model: dict[str, tuple[float, list[ChatMessage]]] = {}

    def length(said: list[ChatMessage]) -> int:
        lead = next((n for n, m in enumerate(said) if m["role"] not in ("system", "developer")), len(said))
        return sum(size(*part) for part in (said[:lead], said[lead:]) if part)

    def tidy(busy: int, used: int, now: float) -> None:
        while model:
            name, (last, _) = next(iter(model.items()))
            whole = used + sum(length(said) for _, said in model.values())
            if now - last < age and len(model) + busy <= count and whole <= total:
                return
            del model[name]

    async def test() -> None:
        clock = Clock()
        store = MemoryConversations(count=count, conversation_bytes=one, total_bytes=total, age=age, clock=clock)
        for name, asked, reply, passes, kept in steps:
            clock.now += passes
            tidy(0, 0, clock.now)
            _, said = model.pop(name, (0.0, []))
            async with store.turn(key(name)) as turn:
                assert list(turn.history) == said
                try:
                    assert list(turn.ask(asked)) == merge(said, asked)
                    if kept:
                        await turn.keep(reply)
                except InvalidRequest:
                    shown = merge(said, asked)
                    assert max(length(shown), length(merge(shown, reply))) > one
                else:
                    assert length(merge(said, asked)) <= one
                    if kept:
                        said = merge(merge(said, asked), reply)
                        tidy(1, length(said), clock.now)
            if said:
                model[name] = (clock.now, said)
            tidy(0, 0, clock.now)
            assert [at[2] for at in store._idle] == list(model)
            assert at_rest(store)
        for name in tuple(model):
            assert await recall(store, key(name)) == model[name][1]

    anyio.run(test, backend=backend)
