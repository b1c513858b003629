# How a server ends, the same for all: a signal, the framework stops accepting, the answers get their grace.
from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import anyio

from .service import Service

__all__ = ("GRACE", "until_stopped")

GRACE: Final = 10.0  #: seconds running answers have when the server stops; Kubernetes kills after 30, Docker after 10


async def until_stopped(service: Service, *, grace: float, refuse: Callable[[], Awaitable[None]]) -> None:
    """Wait for SIGTERM or SIGINT, `refuse` what is new, then drain; a second signal ends the grace."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        await anext(signals)
        await refuse()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_hurry, signals, service)
            await service.drain(grace)
            tasks.cancel_scope.cancel()


async def _hurry(signals: AsyncIterator[signal.Signals], service: Service) -> None:
    await anext(signals)
    await service.drain(0)
