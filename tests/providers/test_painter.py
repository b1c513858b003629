# The painter and the swatches: always the same for the same words, of the size and format that were asked for.
from __future__ import annotations

import asyncio
import io
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import anyio
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from g4f_proto import ApiError, Image, ImageCall, ModelNotInstalled, UnsupportedParameter
from providers import Scripted
from providers.painter import Painter
from providers.painting import paint, scene_of


def call(prompt: str = "a sunset over mountains", **fields: Any) -> ImageCall:
    return ImageCall(**{"provider": "P", "model": "m", "prompt": prompt, "width": 96, "height": 64} | fields)


async def images(provider: Painter | Scripted, asked: ImageCall) -> list[Image]:
    async with aclosing(provider.stream(asked)) as events:
        return [event async for event in events if isinstance(event, Image)]


def opened(image: Image) -> PIL.Image.Image:
    assert image.data is not None
    picture = PIL.Image.open(io.BytesIO(image.data))
    picture.load()
    return picture


PROMPTS = [
    "a sunset over mountains",
    "the sea at night",
    "Tokyo skyline, neon",
    "forest in the morning",
    "desert dunes",
    "green field",
    "stormy ocean",
    "nothing of that",
    "",
    "\u6d77",
    "\ud83d",
    "red blue black white",
]
WORDS = ["night", "sunset", "storm", "city", "sea", "forest", "desert", "field", "mountains", "red"]


@pytest.mark.anyio
@pytest.mark.parametrize("prompt", PROMPTS)
async def test_the_same_again(prompt: str) -> None:
    (one,) = await images(Painter(), call(prompt))
    (two,) = await images(Painter(), call(prompt))
    assert one == two
    picture = opened(one)
    assert (picture.size, picture.mode, picture.format) == ((96, 64), "RGB", "PNG")
    assert len(picture.getcolors(96 * 64) or []) > 500  # it is no plain colour
    assert one.revised_prompt is not None
    assert one.revised_prompt.startswith("procedural: ")
    assert "not a picture of a model" in one.revised_prompt


@pytest.mark.anyio
async def test_seeds() -> None:
    first, second = await images(Painter(), call(n=2, seed=5))
    assert first.data != second.data
    assert (await images(Painter(), call(seed=6))) == [second]
    assert (await images(Painter(), call(seed=0))) == await images(Painter(), call())
    assert (await images(Painter(), call("a sunset over mountains!", seed=5)))[0].data != first.data


@pytest.mark.anyio
@pytest.mark.parametrize(("kind", "name"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
async def test_formats(kind: str, name: str) -> None:
    (image,) = await images(Painter(), call(output_format=kind))
    assert image.type == f"image/{kind}"
    assert opened(image).format == name


@pytest.mark.anyio
async def test_compression() -> None:
    sizes = []
    for quality in (10, 95):
        (image,) = await images(Painter(), call(output_format="jpeg", body={"output_compression": quality}))
        sizes.append(len(image.data or b""))
    assert sizes[0] < sizes[1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("width", "height", "size"), [(16, 16, (16, 16)), (300, 20, (300, 20)), (0, 40, (40, 40)), (0, 0, (1024, 1024))]
)
async def test_sizes(width: int, height: int, size: tuple[int, int]) -> None:
    (image,) = await images(Painter(), call("veins", width=width, height=height))
    assert opened(image).size == size


@settings(max_examples=25, deadline=None)
@given(
    prompt=st.lists(st.sampled_from(WORDS)).map(" ".join),
    width=st.integers(16, 200),
    height=st.integers(16, 200),
    seed=st.integers(-(2**63), 2**63),
)
def test_any_scene_of_any_shape(prompt: str, width: int, height: int, seed: int) -> None:
    assert paint(prompt, width, height, seed).shape == (height, width, 3)


@pytest.mark.parametrize(
    ("prompt", "hour", "lands"),
    [
        ("A beautiful sunset over mountains", "sunset", {"mountains"}),
        ("Beaches, cities & FORESTS", "day", {"sea", "city", "forest"}),
        ("moonlight", "night", set()),
        ("an abstract thought", None, set()),
        ("seaside", None, set()),
    ],
)
def test_words_make_the_scene(prompt: str, hour: str | None, lands: set[str]) -> None:
    assert scene_of(prompt) == (hour, lands)


@pytest.mark.anyio
async def test_whoever_leaves_stops_the_painting(monkeypatch: pytest.MonkeyPatch, anyio_backend_name: str) -> None:
    """At the next band, also where only asyncio's own cancellation says so, as behind Quart and Sanic."""
    painter, begun, ended = Painter(), anyio.Event(), threading.Event()

    def endless(*_: object, pause: Callable[[], None]) -> None:
        anyio.from_thread.run_sync(begun.set)
        try:
            while True:
                pause()
        finally:
            ended.set()

    monkeypatch.setattr("providers.painting.paint", endless)
    if anyio_backend_name == "asyncio":
        task = asyncio.create_task(images(painter, call()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(images, painter, call())
            await begun.wait()
            tasks.cancel_scope.cancel()
    assert await anyio.to_thread.run_sync(ended.wait, 5)
    monkeypatch.undo()
    assert len(await images(painter, call())) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("package", ["numpy", "PIL"])
async def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    painter = Painter()
    (model,) = await painter.models()
    assert model.listed
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else sys)
    (model,) = await painter.models()
    assert not model.listed
    with pytest.raises(ModelNotInstalled, match=r"pip install 'g4f-proto\[images\]'"):
        await images(painter, call())
    await painter.aclose()


# Scripted


@pytest.mark.anyio
async def test_swatches() -> None:
    asked = call("red", model="scripted", n=3)
    found = await images(Scripted(), asked)
    assert found == await images(Scripted(), asked)
    assert len({image.data for image in found}) == 3
    for image in found:
        picture = opened(image)
        assert picture.size == (96, 64)
        ((count, colour),) = picture.convert("RGB").getcolors() or []
        assert count == 96 * 64
        assert image.revised_prompt == f"scripted: 96 x 64 pixels of #{bytes(colour).hex()}"  # type: ignore[arg-type]
    assert (await images(Scripted(), call("red", model="scripted", seed=1)))[0].data == found[1].data


@pytest.mark.anyio
async def test_a_large_swatch_is_small() -> None:
    (image,) = await images(Scripted(), call(model="scripted", width=3840, height=2160))
    assert image.data is not None
    assert struct.unpack(">II", image.data[16:24]) == (3840, 2160)
    assert len(image.data) < 4096


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["jpeg", "webp"])
async def test_swatches_are_png(kind: str) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        await images(Scripted(), call(model="scripted", output_format=kind))
    assert caught.value.param == "output_format"


@pytest.mark.anyio
@pytest.mark.parametrize(("options", "status"), [("error=429", 429), ("error=500,after=1", 500), ("cut=2", 502)])
async def test_swatches_that_fail(options: str, status: int) -> None:
    scripted = Scripted()
    with pytest.raises(ApiError) as caught:
        await images(scripted, call(model=f"scripted:{options}", n=2))
    assert caught.value.status == status
