# Pictures with no network, no key and no weights: `painting` draws them, Pillow packs them.
#
# They are no model's, and each says so in its `revised_prompt`. A picture takes a second of CPU or two, so it is drawn
# in a thread, a few at a time, and whoever leaves stops it at the next band: by a flag, because
# `from_thread.check_cancelled` does not see asyncio's own cancellation, which Quart and Sanic use. numpy and Pillow are
# an optional extra, looked for at each call, so that installing them while the server runs is enough.
from __future__ import annotations

import io
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import Final

import anyio
import anyio.to_thread

from g4f_proto import Call, Image, ImageCall, Model, ProviderEvent, ProviderInfo

from .installing import lacking, not_installed

__all__ = ("Painter",)

_AT_ONCE: Final = 2  # pictures; each keeps a core busy and takes up to 100 MB
_SIDE: Final = 1024  # pixels, where the client leaves it open
_PACKAGES: Final = ("numpy", "PIL")


class Painter:
    """The procedural painter; the same prompt, size and seed give the same picture."""

    info = ProviderInfo(
        name="Painter",
        label="Painter",
        default_model="procedural-1",
        description="Landscapes drawn from a prompt's words and hash: no network, no key, and no model either",
        native=frozenset({"seed", "output_compression", "proxy"}),  # nothing is fetched
    )

    def __init__(self) -> None:
        self._room = anyio.CapacityLimiter(_AT_ONCE)

    async def models(self) -> Sequence[Model]:
        return (Model(id="procedural-1", owned_by="g4f-proto", kinds=frozenset({"image"}), listed=not _missing()),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, ImageCall)
        if missing := _missing():
            raise not_installed("procedural-1", missing)
        left = threading.Event()

        def pause() -> None:
            if left.is_set():
                raise _Left

        try:
            for index in range(call.n):
                paint = partial(_paint, call, index, pause)
                yield await anyio.to_thread.run_sync(paint, abandon_on_cancel=True, limiter=self._room)
        finally:
            left.set()

    async def aclose(self) -> None:
        """Nothing to give back."""


class _Left(Exception):
    """Nobody wants the picture any more."""


def _missing() -> list[str]:
    return lacking("images", _PACKAGES)


def _paint(call: ImageCall, index: int, pause: Callable[[], None]) -> Image:
    import PIL.Image

    from .painting import paint, scene_of

    width, height = call.width or call.height or _SIDE, call.height or call.width or _SIDE
    pixels = paint(call.prompt, width, height, (call.seed or 0) + index, pause=pause)
    pause()
    file = io.BytesIO()
    quality = call.body.get("output_compression")
    # Pillow's own are 75 and 80, and level 6 of zlib, which takes five times as long for a sixth less.
    options = {"compress_level": 1} if call.output_format == "png" else {"quality": 90 if quality is None else quality}
    PIL.Image.fromarray(pixels).save(file, call.output_format, **options)
    hour, lands = scene_of(call.prompt)
    scene = ", ".join((hour, *sorted(lands))) if hour else "veins of a few colours"
    return Image(
        data=file.getvalue(),
        type=f"image/{call.output_format}",
        revised_prompt=f"procedural: {scene}; drawn from the prompt's words and hash, not a picture of a model",
    )
