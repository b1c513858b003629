# Which loop runs: the few things done another way on asyncio, because anyio's way costs a gateway too much.
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import anyio

__all__ = ("Bell", "asyncio_loop", "bells", "clock")


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """The running loop of asyncio, uvloop's too; None: trio runs."""
    loop = anyio.lowlevel.current_token().native_token
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def clock() -> Callable[[], float]:
    """The running loop's clock, in seconds: `anyio.current_time`, which looks for the loop each time it is asked."""
    loop = asyncio_loop()
    return anyio.current_time if loop is None else loop.time


class Bell(Protocol):
    """What one task rings once and one other waits for."""

    def set(self) -> None:
        """Ring it."""

    async def wait(self) -> None:
        """Wait until it was rung."""


def bells() -> Callable[[], Bell]:
    """Makes bells for the running loop: `anyio.Event` costs ten times the future that is in it."""
    loop = asyncio_loop()
    return anyio.Event if loop is None else lambda: _Future(loop)


class _Future:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._future = loop.create_future()

    def set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    async def wait(self) -> None:
        await self._future
