# The mailbox between a provider's task and the connection's: order, bounds, silence, failures, leaving.
from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import anyio
import pytest

from g4f_proto import QUIET, ApiError, Call, ChatCall, ChatRequest, Model, ProviderEvent, ProviderInfo, RateLimited
from providers import Run
from providers.copies import copy_of
from providers.run import MAILBOX

pytestmark = pytest.mark.anyio

REQUEST: dict[str, Any] = {"messages": [{"role": "user", "content": "x"}]}
CALL = ChatCall(provider="Fake", model="fake", request=ChatRequest.model_validate(REQUEST), body=REQUEST)


class Fake:
    """A provider made of one generator function; it remembers how far it came and whether it was closed."""

    info = ProviderInfo(name="Fake", label="Fake", default_model="fake")

    def __init__(self, script: Callable[[], AsyncGenerator[ProviderEvent, None]]) -> None:
        self.script, self.made, self.closed = script, 0, False

    async def models(self) -> Sequence[Model]:
        return ()

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        events = self.script()
        try:
            async for event in events:
                self.made += 1
                yield event
        finally:
            self.closed = True
            await events.aclose()

    async def aclose(self) -> None: ...


def make(script: Callable[[], AsyncGenerator[ProviderEvent, None]], **options: float) -> tuple[Fake, Run]:
    fake = Fake(script)
    return fake, Run(fake, CALL, **{"quiet_limit": 5.0, **options})


async def everything(run: Run) -> list[ProviderEvent]:
    events: list[ProviderEvent] = []
    while got := await run.take():
        events += got
    return events


async def words(count: int = 100) -> AsyncGenerator[ProviderEvent, None]:
    for number in range(count):
        yield str(number)


async def test_everything_comes_in_order() -> None:
    _, run = make(words)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.produce)
        assert await everything(run) == [str(number) for number in range(100)]
    assert run.over
    assert run.error is None


async def test_a_full_mailbox_makes_the_provider_wait() -> None:
    fake, run = make(words)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.produce)
        await anyio.wait_all_tasks_blocked()
        assert fake.made == MAILBOX
        assert len(await run.take()) == MAILBOX
        await anyio.wait_all_tasks_blocked()
        assert fake.made == 2 * MAILBOX
        run.cancel()
    assert fake.closed


async def test_cancel_before_the_task_came_to_run() -> None:
    fake, run = make(words)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.produce)
        run.cancel()
    assert fake.made == 0
    assert await run.take() == ()


async def test_cancel_wakes_the_one_who_waits() -> None:
    async def never() -> AsyncGenerator[ProviderEvent, None]:
        await anyio.sleep_forever()
        yield ""

    fake, run = make(never)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.produce)
        tasks.start_soon(everything, run)
        await anyio.wait_all_tasks_blocked()
        run.cancel()
    assert fake.closed


@pytest.mark.parametrize("wrapped", [False, True])
async def test_an_api_error_is_told_after_what_came_before(wrapped: bool) -> None:
    async def script() -> AsyncGenerator[ProviderEvent, None]:
        yield "a"
        error = RateLimited("slow down", retry_after=3)
        raise ExceptionGroup("of a task group", [error]) if wrapped else error

    _, run = make(script)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.produce)
        assert await everything(run) == ["a"]
    assert isinstance(run.error, RateLimited)


async def test_any_other_exception_is_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def script() -> AsyncGenerator[ProviderEvent, None]:
        yield "a"
        raise KeyError("sk-secret")

    _, run = make(script)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.produce)
        assert await everything(run) == ["a"]
    assert isinstance(run.error, ApiError)
    assert (run.error.status, "secret" in run.error.message) == (500, False)
    assert [record.name for record in caplog.records] == ["g4f.providers"]


def test_silence(jump: Any) -> None:
    async def script() -> AsyncGenerator[ProviderEvent, None]:
        yield "a"
        await anyio.sleep(12)
        yield "b"

    async def test() -> None:
        fake, run = make(script)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run.produce)
            assert await run.take() == ("a",)
            assert [await run.take() for _ in range(3)] == [(QUIET,), (QUIET,), ("b",)]
            assert await everything(run) == []
        assert run.error is None
        assert fake.closed

    anyio.run(test, backend=jump[0], backend_options=jump[1])


def test_the_seeds_of_copies_are_seeds() -> None:
    body = {**REQUEST, "seed": 2**63 - 1}
    call = ChatCall(
        provider="Fake", model="fake", request=ChatRequest.model_validate(body), body=body, copies=2, prompts=("a", "b")
    )
    assert [copy_of(call, index).request.seed for index in range(2)] == [2**63 - 1, -(2**63)]
    assert copy_of(call, 1).body["seed"] == -(2**63)
