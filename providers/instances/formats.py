# What strings of a format look like: https://json-schema.org/draft/2020-12/json-schema-validation#section-7.3, and the
# formats pydantic adds. A format we do not know says nothing, as the draft has it.
#
# The pattern is narrower than the format: it holds only texts that no reader will refuse (no 30th of February, no leap
# second, no year 0), and is used when a sample is too long, too short, or a second one is needed.
from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ("FORMATS",)

_DATE: Final = r"(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])"
_TIME: Final = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-3]):[0-5]\d)"
_LABEL: Final = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = rf"({_LABEL}\.){{0,3}}{_LABEL}"
_BYTE: Final = r"(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])"
_WORD: Final = r"[a-z][a-z0-9]*"
_URI: Final = rf"https?://{_HOST}/([a-z0-9/]*)"
_EMAIL: Final = (r"user@example.com", rf"^[a-z][a-z0-9]{{0,50}}@({_LABEL}\.){{1,2}}[a-z]{{2,3}}$")
_HOSTNAME: Final = ("example.com", rf"^{_HOST}$")


def _uuid(version: int) -> tuple[str, str]:
    x = "[0-9a-f]"
    return (
        f"00000000-0000-{version}000-8000-000000000000",
        f"^{x}{{8}}-{x}{{4}}-{version}{x}{{3}}-[89ab]{x}{{3}}-{x}{{12}}$",
    )


#: Format -> a sample, and a pattern of texts that have the format.
FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "date-time": ("2025-01-01T00:00:00Z", f"^{_DATE}T{_TIME}$"),
    "date": ("2025-01-01", f"^{_DATE}$"),
    "time": ("00:00:00Z", f"^{_TIME}$"),
    "duration": ("P1D", r"^P(\d{1,4}W|\d{1,4}D(T\d{1,4}H)?|T\d{1,4}[HMS])$"),
    "email": _EMAIL,
    "idn-email": _EMAIL,
    "hostname": _HOSTNAME,
    "idn-hostname": _HOSTNAME,
    "ipv4": ("127.0.0.1", rf"^{_BYTE}(\.{_BYTE}){{3}}$"),
    "ipv6": ("::1", r"^(::[1-9a-f][0-9a-f]{0,3}|([1-9a-f][0-9a-f]{0,3}:){7}[1-9a-f][0-9a-f]{0,3})$"),
    "uuid": _uuid(4),
    **{f"uuid{version}": _uuid(version) for version in (1, 3, 4, 5, 6, 7, 8)},
    "uri": ("https://example.com/", f"^{_URI}$"),
    "iri": ("https://example.com/", f"^{_URI}$"),
    "uri-reference": ("/", r"^/([a-z0-9]+/?)*$"),
    "iri-reference": ("/", r"^/([a-z0-9]+/?)*$"),
    "uri-template": ("/{id}", r"^/([a-z0-9]+/?)*$"),
    "json-pointer": ("/name", r"^(/[a-z0-9]*)*$"),
    "relative-json-pointer": ("0", r"^(0|[1-9]\d{0,2})(/[a-z0-9]*)*$"),
    "regex": (".*", f"^{_WORD}$"),
    # pydantic's: https://docs.pydantic.dev/latest/api/networks/
    "ipvanyaddress": ("127.0.0.1", rf"^{_BYTE}(\.{_BYTE}){{3}}$"),
    "ipv4network": ("127.0.0.0/8", rf"^{_BYTE}(\.{_BYTE}){{3}}/32$"),
    "ipv4interface": ("127.0.0.1/8", rf"^{_BYTE}(\.{_BYTE}){{3}}/32$"),
    "ipv6network": ("::1/128", r"^::[1-9a-f][0-9a-f]{0,3}/128$"),
    "ipv6interface": ("::1/128", r"^::[1-9a-f][0-9a-f]{0,3}/128$"),
    "name-email": ("User <user@example.com>", rf"^[A-Z][a-z]+ <{_EMAIL[1][1:-1]}>$"),
    "base64": ("c3RyaW5n", r"^([A-Za-z0-9]{4})*$"),
    "base64url": ("c3RyaW5n", r"^([A-Za-z0-9]{4})*$"),
    "json-string": ("{}", r"^(\{ *\}|[1-9]\d*)$"),
}
