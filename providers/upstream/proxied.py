# Through a proxy, or over HTTP/2: httpx2, which knows them all. Three to eight times the cost of `pool`, so only there.
from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from math import inf
from urllib.parse import urlsplit

import anyio
import httpx2
from pydantic import SecretStr

from . import errors
from .pool import trusted
from .transport import Reply, Request, within

__all__ = ("Proxied",)

log = logging.getLogger("g4f.providers.upstream")


class Proxied:
    """A client of httpx2's as a `Transport`.

    :param base_url: where the upstream's paths begin.
    :param connect: seconds to connect in, to the proxy and through it.
    :param proxy: its URL; None: straight, over HTTP/2.
    :raises ValueError: that is no URL; the message does not hold it.
    """

    def __init__(self, base_url: str, *, connect: float, proxy: SecretStr | None, http2: bool = False) -> None:
        self._base_url = base_url.rstrip("/")
        try:
            self._client = httpx2.AsyncClient(
                proxy=proxy.get_secret_value() if proxy else None,
                http2=http2,
                verify=trusted(),
                timeout=httpx2.Timeout(None, connect=connect),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256),
                trust_env=False,  # what the operator set is all there is
            )
        except (httpx2.InvalidURL, ValueError):
            raise ValueError("the proxy's URL is none that can be read") from None
        # A cookie that one caller's request was given would go out with the next one's.
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))

    async def send(self, request: Request, *, deadline: float = inf) -> Reply:
        """The head of the reply to `request`."""
        url = self._base_url + request.path
        made = self._client.build_request(
            request.method, url, headers=list(request.headers), content=request.body or None
        )
        with _told(urlsplit(url).netloc):
            response = await within(deadline, self._client.send(made, stream=True))
        headers = {name.lower(): value for name, value in response.headers.raw}
        return Reply(response.status_code, headers, _Body(response))

    async def aclose(self) -> None:
        """Close its connections, in a cancelled task too."""
        with anyio.CancelScope(shield=True):
            await self._client.aclose()


class _Body:
    ready = False  # httpx2 does not tell

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._pieces: AsyncIterator[bytes] = response.aiter_raw()

    async def pull(self) -> bytes:
        with _told(self._response.url.host):
            return await anext(self._pieces, b"")

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._response.aclose()


@contextmanager
def _told(host: str) -> Iterator[None]:
    """httpx2's errors as ours."""
    try:
        yield
    except httpx2.ConnectTimeout:
        raise errors.too_slow("The provider could not be reached in time.") from None
    except (httpx2.ConnectError, httpx2.ProxyError, httpx2.UnsupportedProtocol) as error:
        log.warning("cannot connect to %s: %s", host, type(error).__name__)  # its words may hold the proxy's password
        raise errors.unreachable() from None
    except (httpx2.HTTPError, httpx2.StreamError) as error:
        log.warning("%s broke off: %s", host, type(error).__name__)
        raise errors.broken_off() from None
