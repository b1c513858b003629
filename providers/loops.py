# Which loop runs, and what every request asks of it. anyio looks for the loop each time it is asked; a server knows.
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple, Protocol

import anyio

__all__ = ("Bell", "Loop", "asyncio_loop", "running")


class Bell(Protocol):
    """What one task rings once and one other waits for."""

    def set(self) -> None:
        """Ring it."""

    async def wait(self) -> None:
        """Wait until it was rung."""


class Loop(NamedTuple):
    """The running loop's own ways.

    :param clock: seconds, as `anyio.current_time`.
    :param bell: makes a bell; `anyio.Event` costs ten times the future that is in it.
    :param turn: lets the others have their turn, and tells who was cancelled.
    """

    clock: Callable[[], float]
    bell: Callable[[], Bell]
    turn: Callable[[], Awaitable[None]]


def running() -> Loop:
    """The loop this is called in."""
    loop = asyncio_loop()
    if loop is None:
        return Loop(anyio.current_time, anyio.Event, anyio.lowlevel.checkpoint)
    return Loop(loop.time, partial(_Future, loop), partial(asyncio.sleep, 0))


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """The running loop of asyncio, uvloop's too; None: trio runs."""
    loop = anyio.lowlevel.current_token().native_token
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


class _Future:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._future = loop.create_future()

    def set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    async def wait(self) -> None:
        await self._future
