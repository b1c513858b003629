# The media folder: images that were made here, each under a name that only its client was told, given back on request.
#
# A name is 128 random bits, 64 bits of the content's SHA-256, and a suffix: whoever does not know it cannot guess it,
# and its middle is the file's ETag, which so needs neither a second file nor a read. A file appears whole, by a rename,
# and is never written again. The folder is kept below a number of bytes and an age: the oldest go first. Only names of
# this pattern are ever opened, links are not followed, and reading is done in threads, a piece at a time.
from __future__ import annotations

import os
import re
import secrets
import stat
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import anyio.to_thread

from g4f_proto import (
    MEDIA_TYPES,
    Call,
    File,
    Image,
    ImageCall,
    InvalidRequest,
    MediaCall,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    media_part,
)

from .folder import data_folder
from .provider import Provider

__all__ = ("MediaStore", "Published")

_PIECE: Final = 64 * 1024  # bytes read at a time; a client that is slow has 32 of them waiting
_NAME: Final = re.compile(r"[0-9a-f]{32}-([0-9a-f]{16})\.([a-z0-9]{3,4})")
_SUFFIXES: Final = {kind: suffix for suffix, kind in reversed(tuple(MEDIA_TYPES.items()))}
_UNFINISHED: Final = ".part-"
_FORGOTTEN: Final = 3600.0  # seconds after which what a crash left unfinished goes
# "O_NOFOLLOW: If the trailing component (i.e., basename) of pathname is a symbolic link, then the open fails", and a
# FIFO that somebody put here must not hold up a thread: open(2). Windows has neither.
_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class MediaStore:
    """Keeps files and answers every :class:`MediaCall`.

    :param folder: made when the first file is kept; nothing else should be put there.
    :param room: bytes that all files may have together.
    :param age: seconds that a file is kept.
    :param now: seconds since 1970.
    """

    info = ProviderInfo(
        name="Media", label="Media", default_model="", description="The files that were made here", url=""
    )

    def __init__(
        self,
        folder: Path | None = None,
        *,
        room: int = 2**30,
        age: float = 7 * 86400.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder or data_folder("media")
        self._room, self._age, self._now = room, age, now
        self._lock = threading.Lock()

    async def keep(self, data: bytes, type: str) -> str:
        """Keep a file of that media type; its name, once it is there whole.

        :raises ProviderNotWorking: it cannot be kept.
        """
        try:
            return await anyio.to_thread.run_sync(self._keep, data, _SUFFIXES[type])
        except (OSError, KeyError, _NoRoom) as error:
            raise ProviderNotWorking(f"The server could not store the file: {_reason(error, type)}.") from error

    async def models(self) -> Sequence[Model]:
        return ()

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, MediaCall)
        opened = await anyio.to_thread.run_sync(self._open, call.name)
        if opened is None:
            raise InvalidRequest(f"No such file: '{call.name[:80]}'.", status=404, code="file_not_found")
        descriptor, file = opened
        try:
            wanted = media_part(file, call)
            yield file
            at = wanted.start
            while at < wanted.stop:
                data = await anyio.to_thread.run_sync(os.pread, descriptor, min(_PIECE, wanted.stop - at), at)
                if not data:
                    raise ProviderNotWorking("The file was cut while it was read.")
                at += len(data)
                yield data
        finally:
            os.close(descriptor)

    async def aclose(self) -> None:
        """Nothing to give back."""

    # What blocks, for threads.

    def _keep(self, data: bytes, suffix: str) -> str:
        name = f"{secrets.token_hex(16)}-{sha256(data).hexdigest()[:16]}.{suffix}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock:
            self._make_room(len(data))
            unfinished = self._folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
            try:
                unfinished.touch(mode=0o600, exist_ok=False)
                unfinished.write_bytes(data)
                unfinished.replace(self._folder / name)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise
        return name

    def _make_room(self, wanted: int) -> None:
        if wanted > self._room:
            raise _NoRoom
        now, total = self._now(), wanted
        for path, status in sorted(self._files(), key=lambda found: found[1].st_mtime, reverse=True):
            total += status.st_size
            age = min(self._age, _FORGOTTEN) if path.name.startswith(_UNFINISHED) else self._age
            if total > self._room or now - status.st_mtime > age:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._folder.iterdir():
            if _NAME.fullmatch(path.name) or path.name.startswith(_UNFINISHED):
                with suppress(FileNotFoundError):  # another process was faster
                    yield path, path.lstat()

    def _open(self, name: str) -> tuple[int, File] | None:
        found = _NAME.fullmatch(name)
        kind = MEDIA_TYPES.get(found[2]) if found else None
        if found is None or kind is None:
            return None
        try:
            descriptor = os.open(self._folder / name, _FLAGS)
        except OSError:
            return None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or self._now() - status.st_mtime > self._age:
            os.close(descriptor)
            return None
        return descriptor, File(size=status.st_size, type=kind, etag=found[1], modified=int(status.st_mtime))


class Published:
    """`provider`, with images as its caller wants them: at an address of this server, or as their bytes."""

    def __init__(self, provider: Provider, store: MediaStore) -> None:
        self._provider = provider
        self._store = store

    @property
    def info(self) -> ProviderInfo:
        return self._provider.info

    async def models(self) -> Sequence[Model]:
        return await self._provider.models()

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ImageCall)
        made = 0
        async with aclosing(self._provider.stream(call)) as events:
            async for event in events:
                if isinstance(event, Image):
                    made += 1
                    if call.store and event.url is None and event.data is not None:
                        name = await self._store.keep(event.data, event.type)
                        event = replace(event, data=None, url=f"/media/{name}")
                    elif not call.store and event.data is None:
                        # Nothing is fetched for a client: the address is a stranger's, and may be one of our own
                        # network. https://owasp.org/Top10/A10_2021-Server-Side_Request_Forgery_%28SSRF%29/
                        raise ProviderNotWorking("The provider tells only where its images are: ask for 'url'.")
                yield event
        if made < call.n:
            raise ProviderNotWorking(f"The provider made {made} images instead of {call.n}.")

    async def aclose(self) -> None:
        await self._provider.aclose()


class _NoRoom(Exception):
    pass


def _reason(error: Exception, kind: str) -> str:
    if isinstance(error, OSError):
        return error.strerror or "the disk failed"
    return "it is too large" if isinstance(error, _NoRoom) else f"files of type '{kind[:80]}' are not kept"
