# The server's certificate, for all backends the same: TLS 1.2 or newer, and HTTP/1.1 on it.
from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

from anyio.abc import AnyByteStream
from anyio.streams.tls import TLSListener

__all__ = ("Certificate", "QuietTLSListener")

log = logging.getLogger("g4f.tls")


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: the chain, and the key where it is not in the same file."""

    chain: Path
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A server's context.

        :raises ValueError: the files are none of a certificate and its key.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self.chain, self.key)
        except OSError as error:  # an SSLError is one
            raise ValueError(f"the certificate {self.chain} cannot be used: {error.strerror or error}") from None
        return context


class QuietTLSListener(TLSListener):
    """A stranger who does not shake hands is no error of the server's."""

    @staticmethod
    async def handle_handshake_error(exc: BaseException, stream: AnyByteStream) -> None:
        await stream.aclose()
        if not isinstance(exc, Exception):
            raise exc
        log.debug("a TLS handshake failed: %s", exc)
