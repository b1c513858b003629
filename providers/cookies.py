# The cookies that providers may use: kept in a folder of their own, each caller's apart, and never given back.
#
# What is kept of an uploaded file is what providers read of it, written anew; whatever else the client's file held is
# not on this disk. Files in the folder itself are the operator's and everybody's; a caller's lie in a folder under the
# digest of the key, so that nobody is answered in another one's name. A file appears whole, by a rename, mode 0600.
from __future__ import annotations

import json
import logging
import os
import re
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import anyio.to_thread

from g4f_proto import (
    ApiError,
    Call,
    Cookie,
    CookiesCall,
    FormFile,
    InvalidRequest,
    Model,
    ProviderEvent,
    ProviderInfo,
    Stored,
    read_cookies,
)

from .folder import data_folder

__all__ = ("CookieStore",)

log = logging.getLogger("g4f.providers")

_LARGEST: Final = 64 * 2**20  # a HAR of the operator's; uploads are bounded by the request
_MOST_FILES: Final = 100  # of each caller: a disk is not filled by one of them
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


class CookieStore:
    """Keeps uploaded cookies, answering every :class:`CookiesCall`, and tells providers those of a host.

    :param folder: made when the first file is kept.
    :param now: seconds since 1970.
    """

    info = ProviderInfo(name="Cookies", label="Cookies", default_model="", description="Cookies that were uploaded")

    def __init__(self, folder: Path | None = None, *, now: Callable[[], float] = time.time) -> None:
        self._folder = folder or data_folder("cookies")
        self._now = now

    async def models(self) -> Sequence[Model]:
        return ()

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, CookiesCall)
        taken: set[str] = set()
        for file in call.files:
            try:
                if (name := _safe(file.filename)) in taken:
                    raise InvalidRequest(
                        f"'{file.filename[:200]}' is not kept: another file of the upload took the name '{name}'."
                    )
                await anyio.to_thread.run_sync(self._keep, file, name, call.principal)
                taken.add(name)
                yield Stored(filename=file.filename)
            except InvalidRequest as error:
                yield Stored(filename=file.filename, error=error.message)

    async def aclose(self) -> None:
        """Nothing to give back."""

    async def for_domain(self, host: str, principal: str = "") -> dict[str, str]:
        """The values of the cookies that a browser would send to `host`, by name.

        :param principal: whose, beside the operator's: that of the call they are wanted for.
        """
        now, found = self._now(), dict[str, str]()
        folders = [self._folder, self._folder / principal] if principal else [self._folder]
        for cookies in await anyio.to_thread.run_sync(lambda: [file for folder in folders for file in _read(folder)]):
            sent = [cookie for cookie in cookies if cookie.sent_to(host.lower())]
            for cookie in sorted(sent, key=lambda cookie: len(cookie.domain)):
                if cookie.expires is None or cookie.expires > now:
                    found[cookie.name] = cookie.value
        return found

    def _keep(self, file: FormFile, name: str, principal: str) -> None:
        document = [
            {"name": c.name, "value": c.value, "domain": c.domain, "hostOnly": c.alone, "expirationDate": c.expires}
            for c in read_cookies(file.filename, file.data)
        ]
        folder = self._folder / principal if principal else self._folder
        for each in (self._folder, folder):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        if not path.exists() and sum(1 for _ in folder.iterdir()) >= _MOST_FILES:
            raise InvalidRequest(f"'{file.filename[:200]}' is not kept: there are {_MOST_FILES} files already.")
        # mkstemp: "readable and writable only by the creating user ID"
        descriptor, part = tempfile.mkstemp(prefix=".part-", dir=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as sink:
                json.dump(document, sink)
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise


def _safe(filename: str) -> str:
    name = _UNSAFE.sub("-", filename.replace("\\", "/").rpartition("/")[2]).strip(".-")
    return f"{name.removesuffix('.json')[:100] or 'cookies'}.json"


def _read(folder: Path) -> Iterator[tuple[Cookie, ...]]:
    """Those of each file, from the oldest to the newest."""
    try:
        paths = [path for path in folder.iterdir() if path.suffix in (".json", ".har") and path.is_file()]
        paths.sort(key=lambda path: path.stat().st_mtime_ns)
    except FileNotFoundError:
        return
    for path in paths:
        try:
            if path.stat().st_size <= _LARGEST:
                yield read_cookies(path.name, path.read_bytes())
        except (ApiError, OSError) as error:
            log.warning("%s is not read: %s", path, error)
