# Which loop runs: the few things done another way on asyncio, because anyio's way costs a gateway too much.
from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio

__all__ = ("asyncio_loop", "clock")


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """The running loop of asyncio, uvloop's too; None: trio runs."""
    loop = anyio.lowlevel.current_token().native_token
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def clock() -> Callable[[], float]:
    """The running loop's clock, in seconds: `anyio.current_time`, which looks for the loop each time it is asked."""
    loop = asyncio_loop()
    return anyio.current_time if loop is None else loop.time
