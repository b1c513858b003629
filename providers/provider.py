# What a provider is, and the one place where its failures become errors a client can be told.
from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from g4f_proto import ApiError, Call, InternalError, Model, ProviderEvent, ProviderInfo

__all__ = ("Provider", "failure")

log = logging.getLogger("g4f.providers")


class Provider(Protocol):
    """Something that answers calls."""

    @property
    def info(self) -> ProviderInfo:
        """Its card: name, label, what it honours natively."""

    async def models(self) -> Sequence[Model]:
        """What it serves now; one that is known but not installed is there with ``listed=False``."""

    def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        """The answer, as it is made. Closing the generator or cancelling its task stops the work within a second.

        :raises ApiError: for whatever went wrong that a client should know.
        """

    async def aclose(self) -> None:
        """The server stops: give back threads, connections, memory."""


def failure(error: Exception, provider: Provider) -> ApiError:
    """`error` as what the client is told: an ApiError as it is, anything else as a 500 without details, logged once."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]  # a provider's own task group wrapped it
    if isinstance(error, ApiError):
        return error
    log.error("the provider %s failed", provider.info.name, exc_info=error)
    return InternalError("The server had an error while processing your request.")
