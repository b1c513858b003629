# A server whose ids and times are pinned, for tests that compare bytes: python -m tests.backends.pinned BACKEND LOOP
from __future__ import annotations

import os
import sys
from math import inf
from pathlib import Path

import anyio

from backends.command import listen, load
from backends.service import Service
from providers import MediaStore, Scripted


def main(name: str, loop: str) -> None:
    service = Service(
        [Scripted()],
        keys=["k"],
        origins=["https://a.example"],
        media=MediaStore(Path(os.environ["G4F_MEDIA_DIR"]), age=inf),
        new_id=lambda: "0" * 32,
        now=lambda: 1.0,
    )
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    ready = lambda: print(f"Listening on http://127.0.0.1:{port}", file=sys.stderr, flush=True)  # noqa: E731
    anyio.run(load(name).serve, service, listener, ready, backend=loop)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
