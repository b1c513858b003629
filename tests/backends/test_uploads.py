# Many uploads at once: memory holds what is in flight and little more, gives it back, and the disk sees nothing of it.
from __future__ import annotations

import gc
import os
import tempfile
import tracemalloc
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import anyio
import pytest

from backends.connection import Connection, Timeouts
from backends.service import Service
from g4f_proto import Call, Heard, Model, ProviderEvent, ProviderInfo, Segment, TranscriptionCall
from tests.backends.pipes import Pipe, pipe
from tests.proto.test_multipart import END, TYPE, file, part

pytestmark = pytest.mark.anyio

COUNT: Final = 12
SIZE: Final = 2 * 2**20
CHUNK: Final = bytes(64 * 2**10)  # one object, however often it is sent


class Ears:
    """Waits until everybody's upload is here."""

    info = ProviderInfo(name="Ears", label="Ears", default_model="big")

    def __init__(self) -> None:
        self.waiting = 0
        self.go = anyio.Event()

    async def models(self) -> Sequence[Model]:
        return (Model(id="big", owned_by="us", kinds=frozenset({"transcription"})),)

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, TranscriptionCall)
        self.waiting += 1
        await self.go.wait()
        yield Heard(language="en", duration=1.0)
        yield Segment(start=0.0, end=1.0, text=str(len(call.file.data)))

    async def aclose(self) -> None:
        """Nothing to give back."""


async def upload(stream: Pipe) -> None:
    before, _, after = (part(b"big", b'form-data; name="model"') + file(b"|")).partition(b"|")
    length = len(before) + SIZE + len(after) + len(END)
    head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
    await stream.send(head % (TYPE, length) + before)
    for _ in range(SIZE // len(CHUNK)):
        await stream.send(CHUNK)
    await stream.send(after + END)
    reply = b""
    while not reply.endswith(b"}}"):
        reply += await stream.receive()
    assert b'"text":"%d"' % SIZE in reply


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def test_uploads_are_held_once_and_given_back(
    traced: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ears = Ears()
    async with AsyncExitStack() as stack, Service([ears]) as service, anyio.create_task_group() as tasks:
        ends = [pipe(4) for _ in range(COUNT)]
        for here, there in ends:
            await stack.enter_async_context(here)
            tasks.start_soon(Connection(there, service, Timeouts()).run)
        before = held()
        tracemalloc.reset_peak()
        async with anyio.create_task_group() as uploads:
            for here, _ in ends:
                uploads.start_soon(upload, here)
            with anyio.fail_after(20):
                while ears.waiting < COUNT:
                    await anyio.sleep(0.01)
            await anyio.sleep(0.3)  # the service's clock looks at them
            assert held() - before < 1.1 * COUNT * SIZE
            assert not os.listdir(tmp_path)
            ears.go.set()
        peak = tracemalloc.get_traced_memory()[1]
        assert COUNT * SIZE < peak - before < 1.35 * COUNT * SIZE
        assert held() - before < 0.5 * SIZE  # less than one; the connections are still open
        assert not os.listdir(tmp_path)
        tasks.cancel_scope.cancel()
