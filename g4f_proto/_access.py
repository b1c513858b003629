# Who may ask, and which web pages may ask on their behalf: keys and CORS, as functions of the request's header fields.
#
# Keys fail closed and are compared in constant time. CORS is off without a list of origins and never answers `*`: a
# page on any site could otherwise drive a server on this machine. https://fetch.spec.whatwg.org/#http-cors-protocol
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest

from ._errors import AuthenticationError

__all__ = ("Fields", "authenticate", "cors", "preflight")

Fields = tuple[tuple[bytes, bytes], ...]
_NAME_LIST = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, ")


def authenticate(headers: Mapping[bytes, bytes], keys: Sequence[str]) -> str:
    """The caller's name for what is kept by caller: a digest of the key, empty where no key is wanted.

    :raises AuthenticationError: a key is wanted and none of those sent is right.
    """
    if not keys:
        return ""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    given = [headers.get(b"g4f-api-key"), headers.get(b"x-api-key")]
    given.append(token.strip() if scheme.lower() == b"bearer" else None)
    presented = [sha256(key) for key in given if key]
    if not presented:
        raise AuthenticationError(
            "You didn't provide an API key. "
            "Send it as 'Authorization: Bearer KEY', 'g4f-api-key: KEY' or 'x-api-key: KEY'."
        )
    # Digests of one length, every pair compared: the time tells neither a key's length nor where it differs.
    wanted = [sha256(key.encode("utf-8", "surrogatepass")).digest() for key in keys]
    right = [one.hexdigest() for one in presented for other in wanted if compare_digest(one.digest(), other)]
    if not right:
        raise AuthenticationError("Incorrect API key provided.")
    return right[0]


def cors(headers: Mapping[bytes, bytes], origins: Collection[str]) -> Fields:
    """What every answer carries, errors included, when there are origins that pages may ask from."""
    if not origins:
        return ()
    origin = headers.get(b"origin", b"")
    vary = ((b"vary", b"origin"),)
    if origin.decode("latin-1") not in origins:
        return vary
    exposed = b"x-request-id, x-g4f-model, retry-after, retry-after-ms, x-should-retry"
    return (*vary, (b"access-control-allow-origin", origin), (b"access-control-expose-headers", exposed))


def preflight(headers: Mapping[bytes, bytes], origins: Collection[str]) -> Fields:
    """What the answer to OPTIONS carries beside :func:`cors`."""
    allow: Fields = ((b"allow", b"GET, HEAD, POST, OPTIONS"),)
    if headers.get(b"origin", b"").decode("latin-1") not in origins:
        return allow
    # The x-stainless-* family differs from one client release to the next, so what is asked for is what is allowed.
    wanted = bytes(byte for byte in headers.get(b"access-control-request-headers", b"") if byte in _NAME_LIST)
    return (
        *allow,
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", wanted or b"authorization, content-type"),
        (b"access-control-max-age", b"86400"),
    )
