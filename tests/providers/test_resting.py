# A provider that fails is given a rest; the clock is the test's.
from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

import anyio
import pytest

from g4f_proto import (
    ApiError,
    Call,
    ChatCall,
    ChatRequest,
    InvalidRequest,
    Model,
    ModelNotFound,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    RateLimited,
)
from providers import Resting
from providers.resting import FIRST_REST, THRESHOLD

pytestmark = pytest.mark.anyio
BODY = {"messages": [{"role": "user", "content": "x"}]}
CALL = ChatCall(provider="Fake", request=ChatRequest.model_validate(BODY), body=BODY)  # type: ignore[arg-type]
BROKEN = ProviderNotWorking("broken")


class Fake:
    """Fails with `error`, or says nothing, or "a", and then "b" or `late`."""

    info = ProviderInfo(name="Fake", label="Fake", default_model="m", remote=True)

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.late: Exception | None = None
        self.silent = False
        self.asked = 0

    async def models(self) -> Sequence[Model]:
        return ()

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        if self.silent:
            await anyio.sleep_forever()
        yield "a"
        await anyio.lowlevel.checkpoint()
        if self.late is not None:
            raise self.late
        yield "b"

    async def aclose(self) -> None: ...


class Rig:
    def __init__(self) -> None:
        self.now = 100.0
        self.fake = Fake()
        self.resting = Resting(self.fake, clock=lambda: self.now)

    async def ask(self, error: Exception | None = None, call: ChatCall = CALL) -> str | ApiError:
        """The answer, or the error; the provider fails with `error` if it is asked."""
        self.fake.error = error
        try:
            return "".join([str(event) async for event in self.resting.stream(call)])
        except ApiError as failed:
            return failed


async def test_it_rests_after_failures_in_a_row() -> None:
    rig = Rig()
    for _ in range(THRESHOLD):
        assert not rig.resting.resting
        assert await rig.ask(BROKEN) is BROKEN
    assert rig.resting.resting
    refused = await rig.ask()
    assert isinstance(refused, ProviderNotWorking)
    assert refused.elsewhere
    assert refused.retry_after == FIRST_REST
    assert rig.fake.asked == THRESHOLD, "it was left in peace"


async def test_a_success_between_starts_the_count_again() -> None:
    rig = Rig()
    for _ in range(3):
        for _ in range(THRESHOLD - 1):
            await rig.ask(BROKEN)
        assert await rig.ask() == "ab"
    assert not rig.resting.resting


async def test_what_is_the_requests_fault_is_not_counted() -> None:
    rig = Rig()
    for fault in (InvalidRequest("bad"), ModelNotFound("no such model")):
        for _ in range(2 * THRESHOLD):
            assert await rig.ask(fault) is fault
    assert not rig.resting.resting


async def test_what_a_requests_own_proxy_breaks_is_not_counted() -> None:
    rig = Rig()
    for _ in range(2 * THRESHOLD):
        assert await rig.ask(BROKEN, replace(CALL, body={**CALL.body, "proxy": "http://127.0.0.1:1"})) is BROKEN
    assert not rig.resting.resting


async def test_a_defect_counts_and_is_told_without_its_details() -> None:
    rig = Rig()
    for _ in range(THRESHOLD):
        failed = await rig.ask(ValueError("secret"))
        assert isinstance(failed, ApiError)
        assert failed.code == "internal_error"
    assert rig.resting.resting


async def test_retry_after_is_obeyed_at_once() -> None:
    rig = Rig()
    await rig.ask(ProviderNotWorking("down", retry_after=20))
    rig.now += 19.5
    assert isinstance(await rig.ask(), ProviderNotWorking)
    rig.now += 1
    assert await rig.ask() == "ab"


async def test_a_rate_limit_is_one_models() -> None:
    rig = Rig()
    for _ in range(2 * THRESHOLD):
        await rig.ask(RateLimited("slow"))
    await rig.ask(RateLimited("slow", retry_after=20))
    rig.now += 19.5
    limited = await rig.ask()
    assert isinstance(limited, RateLimited)
    assert limited.retry_after == 0.5
    assert await rig.ask(call=replace(CALL, model="other")) == "ab"
    assert rig.resting.info.working
    rig.now += 1
    assert await rig.ask() == "ab"


async def test_the_probe_decides() -> None:
    rig = Rig()
    for _ in range(THRESHOLD):
        await rig.ask(BROKEN)
    rig.now += FIRST_REST + 0.1
    assert await rig.ask(BROKEN) is BROKEN
    rig.now += FIRST_REST + 0.1
    assert isinstance(await rig.ask(), ProviderNotWorking), "it rests twice as long"
    rig.now += FIRST_REST
    assert await rig.ask() == "ab"
    assert await rig.ask() == "ab"


async def test_calls_that_break_together_are_one_failure() -> None:
    rig = Rig()
    async with AsyncExitStack() as all:
        streams = [await all.enter_async_context(aclosing(rig.resting.stream(CALL))) for _ in range(4 * THRESHOLD)]
        for stream in streams:
            assert await anext(stream) == "a"
        rig.fake.late = BROKEN
        for stream in streams:
            with pytest.raises(ProviderNotWorking):
                await anext(stream)
    rig.now += FIRST_REST + 0.1
    rig.fake.late = None
    assert await rig.ask() == "ab"


async def test_a_late_success_ends_no_rest() -> None:
    rig = Rig()
    async with aclosing(rig.resting.stream(CALL)) as early:
        assert await anext(early) == "a"
        await rig.ask(ProviderNotWorking("down", retry_after=20))
        assert [event async for event in early] == ["b"]
    assert isinstance(await rig.ask(), ProviderNotWorking)


async def test_nobody_waits_for_the_end_of_the_probe() -> None:
    rig = Rig()
    for _ in range(THRESHOLD):
        await rig.ask(BROKEN)
    rig.now += FIRST_REST + 0.1
    rig.fake.error = None
    async with aclosing(rig.resting.stream(CALL)) as probe:
        assert await anext(probe) == "a"
        assert rig.resting.info.working
        assert await rig.ask() == "ab"


async def test_one_that_begins_and_breaks_off_rests_again() -> None:
    rig = Rig()
    rig.fake.late = BROKEN
    for _ in range(THRESHOLD):
        await rig.ask()
    rig.now += FIRST_REST + 0.1
    await rig.ask()
    rig.now += FIRST_REST + 0.1
    assert rig.resting.resting, "for twice as long"


async def test_there_is_one_probe_at_a_time_and_one_that_is_left_is_none() -> None:
    rig = Rig()
    for _ in range(THRESHOLD):
        await rig.ask(BROKEN)
    rig.now += FIRST_REST + 0.1
    rig.fake.error, rig.fake.silent = None, True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(rig.ask)
        await anyio.wait_all_tasks_blocked()
        assert isinstance(await rig.ask(), ProviderNotWorking)
        tasks.cancel_scope.cancel()
    rig.fake.silent = False
    assert await rig.ask() == "ab", "the client of the probe left; the next one is the probe"


@pytest.mark.parametrize("refusal", [InvalidRequest("bad"), ModelNotFound("no"), RateLimited("slow", retry_after=5)])
async def test_a_probe_that_is_refused_was_answered(refusal: ApiError) -> None:
    rig = Rig()
    for _ in range(THRESHOLD):
        await rig.ask(BROKEN)
    rig.now += FIRST_REST + 0.1
    assert await rig.ask(refusal) is refusal
    assert not rig.resting.resting
    assert rig.resting.info.working
