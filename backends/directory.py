# Who serves what, kept true while the server runs: the catalog is drawn from the providers and published anew when one
# tells something else.
#
# Providers on this machine are asked at the start. What is told by a network is asked for when the first request needs
# to know, in the background from then on, and never at the start: a dead upstream delays nothing but the requests of
# that first second, and none beyond its end.
from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

import anyio
from anyio.abc import TaskGroup

from g4f_proto import KINDS, ApiError, Catalog, Model
from providers import Provider, failure

__all__ = ("Directory", "Misconfigured")

_FRESH: Final = 600.0  #: seconds until a provider is asked again what it serves
_RETRY: Final = 30.0  #: the same for one that did not tell
_PATIENCE: Final = (
    1.0  #: seconds that whoever needs the lists of providers waits for them, from when they are asked for
)


class Misconfigured(Exception):
    """The operator's settings contradict what there is; the message says how."""


class Directory:
    """The catalog of some providers.

    :param known: what the operator says: aliases, defaults, providers there could be.
    :param publish: told each new catalog.
    """

    def __init__(self, providers: Mapping[str, Provider], known: Catalog, publish: Callable[[Catalog], None]) -> None:
        self._providers = providers
        self._catalog = known
        self._publish = publish
        self._due: dict[str, float] = {}  # a remote provider -> when to ask it again, on the loop's clock
        self._asking: anyio.Event | None = None
        self._patience = 0.0  # when it ends

    async def open(self) -> None:
        """Draw the first picture.

        :raises Misconfigured: an alias or a default stands for nothing.
        """
        remote = {name for name, one in self._providers.items() if one.info.remote and one.info.working}
        models = {name: tuple(await one.models()) for name, one in self._providers.items() if name not in remote}
        self._change(models=models, complete=not remote)
        if not remote:  # what those serve is not known before somebody asks
            _check(self._catalog)

    def refresh(self, tasks: TaskGroup, now: float) -> None:
        """Ask in the background those whose lists are old; `now` is the loop's clock."""
        if self._due and self._asking is None and min(self._due.values()) <= now:
            self._ask(tasks)

    async def discovered(self, tasks: TaskGroup) -> Catalog:
        """The catalog, as soon as the providers have told what they serve, or have had the time to."""
        if self._asking is None and not self._catalog.complete:
            self._ask(tasks)
        if self._asking is not None:
            with anyio.CancelScope(deadline=self._patience):
                await self._asking.wait()
        return replace(self._catalog, complete=True)

    def look(self) -> None:
        """A provider's card has changed: it rests, or works again."""
        self._change()

    def _change(self, *, models: Mapping[str, tuple[Model, ...]] | None = None, complete: bool | None = None) -> None:
        self._catalog = replace(
            self._catalog,
            providers={name: one.info for name, one in self._providers.items()},
            models={**self._catalog.models, **(models or {})},
            complete=self._catalog.complete if complete is None else complete,
        )
        self._publish(self._catalog)

    def _ask(self, tasks: TaskGroup) -> None:
        self._asking, self._patience = anyio.Event(), anyio.current_time() + _PATIENCE
        tasks.start_soon(self._learn, self._asking)

    async def _learn(self, done: anyio.Event) -> None:
        now = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for name, provider in self._providers.items():
                if provider.info.remote and self._due.get(name, 0) <= now:
                    self._due[name] = now + _RETRY
                    tasks.start_soon(self._learn_from, name, provider)
        self._change(complete=True)
        self._asking = None
        done.set()

    async def _learn_from(self, name: str, provider: Provider) -> None:
        try:
            models = tuple(await provider.models())
        except Exception as error:
            failure(error, provider)  # which logs what is a defect; what it served before stays
            return
        self._due[name] = anyio.current_time() + _FRESH
        self._change(models={name: models})


def _check(catalog: Catalog) -> None:
    for alias, target in catalog.aliases.items():
        try:
            _somebody(replace(catalog, aliases={}), target)  # an alias for an alias is none
        except ApiError:
            raise Misconfigured(f"the alias '{alias}' stands for '{target}', which nobody serves") from None
    if catalog.default_model is not None:
        try:
            catalog.resolve(None)
        except ApiError:
            raise Misconfigured(f"the default model '{catalog.default_model}' is served by nobody") from None


def _somebody(catalog: Catalog, target: str) -> None:
    for kind in KINDS:
        with suppress(ApiError):
            catalog.resolve(target, kind=kind)
            return
    catalog.provider(target)
