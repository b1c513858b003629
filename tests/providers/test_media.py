# The media folder: what is kept comes back, only to those who know its name, and not for ever.
from __future__ import annotations

import os
import re
import stat
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import pytest

from g4f_proto import (
    ApiError,
    Call,
    File,
    Image,
    ImageCall,
    MediaCall,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    Usage,
)
from providers import MediaStore, Published
from providers.folder import data_folder

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1000


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def call(name: str, method: Any = "GET", **headers: str) -> MediaCall:
    fields = {key.replace("_", "-").encode(): value.encode() for key, value in headers.items()}
    return MediaCall(name=name, method=method, headers=fields)


async def read(store: MediaStore, asked: MediaCall) -> tuple[File, bytes]:
    async with aclosing(store.stream(asked)) as events:
        file = await anext(events)
        assert isinstance(file, File)
        pieces = [event async for event in events]
    assert all(isinstance(piece, bytes) and 0 < len(piece) <= 65536 for piece in pieces)
    return file, b"".join(piece for piece in pieces if isinstance(piece, bytes))


async def status(store: MediaStore, asked: MediaCall) -> int:
    try:
        await read(store, asked)
    except ApiError as error:
        return error.status
    return 200


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_what_is_kept_comes_back(store: MediaStore) -> None:
    name = await store.keep(PNG, "image/png")
    assert re.fullmatch(r"[0-9a-f]{32}-[0-9a-f]{16}\.png", name)
    file, data = await read(store, call(name))
    assert data == PNG
    assert (file.size, file.type, file.etag) == (len(PNG), "image/png", sha256(PNG).hexdigest()[:16])
    assert (await read(store, call(name, "HEAD")))[1] == b""
    assert (await read(store, call(name, range="bytes=70000-140001")))[1] == PNG[70000:140002]
    assert (await read(store, call(name, if_none_match=f'"{file.etag}"')))[1] == b""
    assert await status(store, call(name, range="bytes=999999-")) == 416


async def test_names_tell_nothing_of_each_other(store: MediaStore) -> None:
    names = {await store.keep(PNG, "image/png") for _ in range(5)}
    assert len({name[:32] for name in names}) == 5
    assert len({name[32:] for name in names}) == 1  # the content's digest: the ETag of what is the same is the same


@pytest.mark.parametrize(
    ("kind", "suffix"), [("image/jpeg", ".jpg"), ("image/webp", ".webp"), ("audio/mpeg", ".mp3"), ("image/png", ".png")]
)
async def test_the_suffix_is_the_types(store: MediaStore, kind: str, suffix: str) -> None:
    name = await store.keep(b"x", kind)
    assert name.endswith(suffix)
    assert (await read(store, call(name)))[0].type == kind


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/octet-stream", ""])
async def test_other_types_are_not_kept(store: MediaStore, kind: str, tmp_path: Path) -> None:
    with pytest.raises(ProviderNotWorking):
        await store.keep(b"<script>", kind)
    assert os.listdir(tmp_path) == []


async def test_the_folder_and_its_files_are_the_owners(store: MediaStore, tmp_path: Path) -> None:
    name = await store.keep(PNG, "image/png")
    assert stat.S_IMODE((tmp_path / "media" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "media").stat().st_mode) == 0o700
    assert os.listdir(tmp_path / "media") == [name]  # nothing unfinished


GOOD = "0" * 32 + "-" + "0" * 16 + ".png"


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../secret.png", "..%2fsecret.png", "/etc/passwd", "secret.png", "sub/" + GOOD,
        "../media/" + GOOD, GOOD + "\0", GOOD + "\n", GOOD + "/", "./" + GOOD, GOOD.upper(), GOOD[:-4],
        GOOD[:-3] + "html", "\u0660" + GOOD[1:], "\udcff" + GOOD, "x" * 10_000, ".part-0123456789abcdef",
    ],
)  # fmt: skip
async def test_no_other_name_is_opened(store: MediaStore, tmp_path: Path, name: str) -> None:
    await store.keep(PNG, "image/png")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "media" / "secret.png").write_bytes(b"secret")
    (tmp_path / "media" / ".part-0123456789abcdef").write_bytes(b"secret")
    assert await status(store, call(name)) == 404
    assert await status(store, call(GOOD)) == 404  # well-formed, and not there


async def test_links_folders_and_pipes_are_not_followed(store: MediaStore, tmp_path: Path) -> None:
    await store.keep(PNG, "image/png")
    (tmp_path / "secret").write_bytes(b"secret")
    before = descriptors()
    for number, make in enumerate((
        lambda path: path.symlink_to(tmp_path / "secret"),
        lambda path: path.symlink_to(tmp_path / "nowhere"),
        lambda path: path.mkdir(),
        os.mkfifo,
    )):  # fmt: skip
        name = f"{number:032x}-{number:016x}.png"
        make(tmp_path / "media" / name)
        assert await status(store, call(name)) == 404
    assert descriptors() == before


async def test_the_oldest_go_first(tmp_path: Path) -> None:
    store = MediaStore(tmp_path, room=3 * len(PNG), now=lambda: 1000.0)
    names = []
    for age in range(4):
        names.append(await store.keep(PNG, "image/png"))
        os.utime(tmp_path / names[-1], (900 + age, 900 + age))
    assert sorted(os.listdir(tmp_path)) == sorted(names[1:])
    with pytest.raises(ProviderNotWorking, match="too large"):
        await store.keep(bytes(3 * len(PNG) + 1), "image/png")
    await store.keep(bytes(3 * len(PNG)), "image/png")
    assert len(os.listdir(tmp_path)) == 1


async def test_what_is_old_goes(tmp_path: Path) -> None:
    clock = Clock()
    store = MediaStore(tmp_path, age=100, now=clock)
    name = await store.keep(PNG, "image/png")
    (tmp_path / ".part-left").write_bytes(b"x")
    (tmp_path / "README").write_bytes(b"not ours")
    made = (tmp_path / name).stat().st_mtime
    clock.time = made + 99
    assert await status(store, call(name)) == 200
    clock.time = made + 101
    assert await status(store, call(name)) == 404
    other = await store.keep(PNG, "image/png")
    assert sorted(os.listdir(tmp_path)) == sorted([other, "README"])


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = MediaStore(tmp_path / "file")
    with pytest.raises(ProviderNotWorking) as caught:
        await store.keep(PNG, "image/png")
    assert str(tmp_path) not in caught.value.message
    assert await status(store, call(GOOD)) == 404


async def test_a_disk_that_fills_leaves_nothing(store: MediaStore, tmp_path: Path, monkeypatch: Any) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ProviderNotWorking, match="No space left"):
        await store.keep(PNG, "image/png")
    assert os.listdir(tmp_path / "media") == []


async def test_a_file_that_is_cut_while_it_is_read(store: MediaStore, tmp_path: Path) -> None:
    name = await store.keep(PNG, "image/png")
    async with aclosing(store.stream(call(name))) as events:
        await anext(events)
        await anext(events)
        os.truncate(tmp_path / "media" / name, 65536)
        with pytest.raises(ProviderNotWorking):
            await anext(events)


async def test_whoever_leaves_closes_the_file(store: MediaStore) -> None:
    name = await store.keep(PNG, "image/png")
    before = descriptors()
    events = store.stream(call(name))
    await anext(events)
    assert descriptors() == before + 1
    await events.aclose()
    with pytest.raises(ApiError):
        await read(store, call(name, range="bytes=999999-"))
    with anyio.CancelScope() as scope:
        scope.cancel()
        await read(store, call(name))
    assert scope.cancelled_caught
    assert descriptors() == before


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("G4F_DATA_DIR", str(tmp_path))
    assert data_folder("media") == tmp_path / "media"


# What a provider made, as its caller wants it.


class Easel:
    info = ProviderInfo(name="Easel", label="Easel", default_model="oil")

    def __init__(self, *events: ProviderEvent) -> None:
        self._events = events

    async def models(self) -> Sequence[Model]:
        return (Model(id="oil", owned_by="us"),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        for event in self._events:
            yield event

    async def aclose(self) -> None: ...


async def published(store: MediaStore, *said: ProviderEvent, n: int = 1, keep: bool = True) -> list[ProviderEvent]:
    provider = Published(Easel(*said), store)
    assert provider.info.name == "Easel"
    assert [model.id for model in await provider.models()] == ["oil"]
    asked = ImageCall(provider="Easel", model="oil", prompt="x", n=n, store=keep)
    async with aclosing(provider.stream(asked)) as events:
        return [event async for event in events]


async def test_data_becomes_an_address(store: MediaStore) -> None:
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    image, other = await published(store, Image(data=PNG, revised_prompt="a cat"), usage)
    assert other == usage
    assert isinstance(image, Image)
    assert image.data is None
    assert image.revised_prompt == "a cat"
    assert image.url is not None
    assert (await read(store, call(image.url.removeprefix("/media/"))))[1] == PNG


async def test_data_that_is_wanted_is_not_kept(store: MediaStore, tmp_path: Path) -> None:
    assert await published(store, Image(data=PNG), keep=False) == [Image(data=PNG)]
    assert not (tmp_path / "media").exists()


async def test_an_address_is_passed_on_and_never_fetched(store: MediaStore) -> None:
    image = Image(url="http://127.0.0.1:1/x.png")
    assert await published(store, image) == [image]
    with pytest.raises(ProviderNotWorking):
        await published(store, image, keep=False)


@pytest.mark.parametrize("n", [1, 3])
async def test_fewer_images_than_were_asked_for(store: MediaStore, n: int) -> None:
    with pytest.raises(ProviderNotWorking):
        await published(store, *[Image(data=PNG)] * (n - 1), n=n)
