# Files of cookies as browsers' tools write them: what they hold, and nothing else of them.
#
# Read are: a list of cookies (Cookie-Editor, EditThisCookie, Selenium), the same under "cookies" (Playwright's storage
# state), an object of names and values whose file is named for the site, and a HAR, the network log of a browser, from
# which the cookies that requests were sent with are taken. Everything else in a HAR is private and of no use here.
# https://www.rfc-editor.org/rfc/rfc6265, http://www.softwareishard.com/blog/har-12-spec/
from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import JsonValue

from ._errors import InvalidRequest

__all__ = ("Cookie", "read_cookies")

_MOST: Final = 10_000  # browsers keep some 3000 in all
# "cookie-name = token", "cookie-octet = %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E" - RFC 6265 section 4.1.1. Servers
# set commas, quotes and blanks too; what would end the header field or the pair is refused.
_NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}")
_VALUE: Final = re.compile(r"[^\x00-\x1f\x7f;\ud800-\udfff]{0,8192}")
_DOMAIN: Final = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """One cookie.

    :param domain: lower-case, without a leading dot.
    :param alone: it is that host's only, and not its subdomains'.
    :param expires: seconds since 1970; None: with the session.
    """

    name: str
    value: str
    domain: str
    alone: bool = False
    expires: float | None = None

    def sent_to(self, host: str) -> bool:
        """Whether a browser would send it to that host: RFC 6265 section 5.1.3."""
        return host == self.domain or (not self.alone and host.endswith(f".{self.domain}"))


def read_cookies(filename: str, data: bytes) -> tuple[Cookie, ...]:
    """The cookies of a file; the later ones of a name at the same domain stand in the place of the earlier.

    :param filename: says the site if the file does not: ``copilot.microsoft.com.json``.
    :raises InvalidRequest: 422 ``invalid_cookie_file``; it is no such file, or has no cookies. No content is told.
    """
    try:
        document: JsonValue = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _refusal(filename, "it is not JSON") from None
    if isinstance(document, list):
        cookies = _of_list(filename, document)
    elif not isinstance(document, dict):
        raise _refusal(filename, "it is neither a list of cookies nor a HAR")
    elif isinstance(log := document.get("log"), dict):
        cookies = _of_har(filename, log)
    elif isinstance(entries := document.get("cookies"), list):
        cookies = _of_list(filename, entries)
    else:
        cookies = _of_names(filename, document)
    found = {(cookie.domain, cookie.name): cookie for cookie in cookies}
    if not found:
        raise _refusal(filename, "there are no cookies in it")
    if len(found) > _MOST:
        raise _refusal(filename, f"it has more than {_MOST} cookies")
    return tuple(found.values())


def _of_list(filename: str, entries: list[JsonValue]) -> Iterator[Cookie]:
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _refusal(filename, f"the entry {number} is no cookie")
        domain = entry.get("domain")
        cookie = _cookie(entry.get("name"), entry.get("value"), domain)
        if cookie is None:
            raise _refusal(filename, f"the entry {number} has no valid name, value and domain")
        alone = entry.get("hostOnly")
        yield Cookie(
            name=cookie.name,
            value=cookie.value,
            domain=cookie.domain,
            # "hostOnly" is the extensions'; in a browser's own store a leading dot says that it is not.
            alone=alone if isinstance(alone, bool) else not str(domain).startswith("."),
            expires=_expires(entry),
        )


def _of_names(filename: str, document: Mapping[str, JsonValue]) -> Iterator[Cookie]:
    domain = filename.rpartition("/")[2].lower().removesuffix(".json")
    if "." not in domain or not _DOMAIN.fullmatch(domain):
        raise _refusal(filename, "it does not say whose cookies these are; name it for the site: example.com.json")
    for name, value in document.items():
        cookie = _cookie(name, value, domain)
        if cookie is None:
            raise _refusal(filename, "one of its names and values is no cookie")
        yield cookie


def _of_har(filename: str, log: Mapping[str, JsonValue]) -> Iterator[Cookie]:
    entries = log.get("entries")
    if not isinstance(entries, list):
        raise _refusal(filename, "it is a HAR without entries")
    for entry in entries:
        request = entry.get("request") if isinstance(entry, dict) else None
        host = _host(request.get("url")) if isinstance(request, dict) else None
        if host is None or not isinstance(request, dict):
            continue  # a data URL, a WebSocket's frame, an address without a name
        for name, value in _pairs(request.get("cookies")):
            if cookie := _cookie(name, value, host, alone=True):
                yield cookie
        for name, value in _pairs(request.get("headers")):
            for pair in value.split(";") if name.lower() == "cookie" else ():
                key, equals, said = pair.partition("=")
                if equals and (cookie := _cookie(key.strip(), said.strip(), host, alone=True)):
                    yield cookie


def _pairs(given: JsonValue) -> Iterator[tuple[str, str]]:
    for entry in given if isinstance(given, list) else ():
        if isinstance(entry, dict):
            name, value = entry.get("name"), entry.get("value")
            if isinstance(name, str) and isinstance(value, str):
                yield name, value


def _cookie(name: JsonValue, value: JsonValue, domain: JsonValue, *, alone: bool = False) -> Cookie | None:
    if not (isinstance(name, str) and isinstance(value, str) and isinstance(domain, str)):
        return None
    domain = domain.lower().removeprefix(".")
    if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value) and _DOMAIN.fullmatch(domain)):
        return None
    return Cookie(name=name, value=value, domain=domain, alone=alone)


def _expires(entry: Mapping[str, JsonValue]) -> float | None:
    for name in (
        "expirationDate",
        "expires",
        "expiry",
    ):  # the extensions', Playwright's (-1: with the session), Selenium's
        when = entry.get(name)
        if isinstance(when, int | float) and not isinstance(when, bool) and 0 < when < 2**53:
            return float(when)
    return None


def _host(url: JsonValue) -> str | None:
    try:
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None
    return host if host and _DOMAIN.fullmatch(host) else None


def _refusal(filename: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"'{filename[:200]}' is not a file of cookies: {why}.", status=422, code="invalid_cookie_file", param="files"
    )
