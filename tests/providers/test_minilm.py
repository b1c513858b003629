# The embedded embeddings: what its vectors are, and how it treats what it cannot read.
#
# The tests of real vectors need the extra `embeddings` and the weights (`g4f pull minilm`).
from __future__ import annotations

import math
import sys
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from operator import mul
from pathlib import Path
from typing import Any

import anyio
import pytest

from g4f_proto import ApiError, Embedding, EmbeddingCall, ModelNotInstalled, Usage
from providers import weights
from providers.minilm import CONTEXT, DIMENSIONS, MiniLM

pytestmark = pytest.mark.anyio

Inputs = Sequence[str | tuple[int, ...]]


@pytest.fixture(scope="module", params=[("asyncio", {"debug": True}), ("trio", {})], ids=lambda loop: loop[0])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
async def minilm(anyio_backend: Any) -> AsyncIterator[MiniLM]:
    provider = MiniLM()
    (model,) = await provider.models()
    if not model.listed:
        pytest.skip("needs the extra 'embeddings' and `g4f pull minilm`")
    yield provider
    await provider.aclose()


async def embed(provider: MiniLM, *inputs: str | tuple[int, ...], **fields: Any) -> tuple[list[array[float]], int]:
    """The vectors in the inputs' order, and the tokens read."""
    call = EmbeddingCall(provider="MiniLM", model="all-minilm-l6-v2", inputs=inputs, **fields)
    vectors: dict[int, Any] = {}
    tokens = 0
    async with aclosing(provider.stream(call)) as events:
        async for event in events:
            if isinstance(event, Embedding):
                assert event.index not in vectors
                vectors[event.index] = event.vector
            else:
                assert isinstance(event, Usage)
                tokens = event.prompt_tokens
    return [vectors[index] for index in range(len(inputs))], tokens


def likeness(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(map(mul, one, other))


async def test_related_sentences_are_closer_than_unrelated_ones(minilm: MiniLM) -> None:
    vectors, _ = await embed(
        minilm,
        "A cat sits on the mat.",
        "A kitten rests on a rug.",
        "Share prices fell sharply on Monday.",
        "The stock market dropped at the start of the week.",
    )
    cat, kitten, shares, market = vectors
    related = min(likeness(cat, kitten), likeness(shares, market))
    unrelated = max(likeness(one, other) for one in (cat, kitten) for other in (shares, market))
    assert related > 0.5 > 0.2 > unrelated


async def test_vectors_are_of_length_one_and_alone_the_same_as_in_company(minilm: MiniLM) -> None:
    texts = [f"{'word ' * (7 * n % 90)}number {n}" for n in range(70)]  # several batches, several groups
    together, tokens = await embed(minilm, *texts)
    assert {len(vector) for vector in together} == {DIMENSIONS}
    assert all(abs(likeness(vector, vector) - 1) < 1e-5 for vector in together)
    assert tokens == sum(7 * n % 90 + 4 for n in range(70))  # [CLS] word ... word number n [SEP]
    for n in (0, 13, 69):
        (alone,), _ = await embed(minilm, texts[n])
        assert likeness(alone, together[n]) > 0.999


async def test_token_ids_are_openais(minilm: MiniLM) -> None:
    hello = (9906, 1917)  # cl100k_base of "Hello world", as tiktoken has it
    vectors, tokens = await embed(minilm, "Hello world", hello, (57668, 53901))  # the latter are "你好"
    assert vectors[0] == vectors[1] != vectors[2]
    assert vectors[2] == (await embed(minilm, "你好"))[0][0]
    assert tokens == 4 + 4 + 4


@pytest.mark.parametrize("token", [100_256, 100_257, -1])
async def test_ids_that_are_no_tokens(minilm: MiniLM, token: int) -> None:
    with pytest.raises(ApiError) as caught:
        await embed(minilm, (9906, token))
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "invalid_value", "input")


@pytest.mark.parametrize("text", ["half \ud83d", "nul \0", "[SEP]", " ", "日本語", "\N{FAMILY}" * 9, "a" * 16_000])
async def test_any_text_has_a_vector(minilm: MiniLM, text: str) -> None:
    (vector,), _ = await embed(minilm, text)
    assert all(map(math.isfinite, vector))


async def test_what_a_user_writes_is_no_special_token(minilm: MiniLM) -> None:
    assert (await embed(minilm, "[SEP]"))[1] == 5  # [CLS] [ sep ] [SEP]


async def test_the_longest_inputs(minilm: MiniLM) -> None:
    _, tokens = await embed(minilm, "word " * (CONTEXT - 2), (3492,) * (CONTEXT - 2))  # " word"
    assert tokens == 2 * CONTEXT


@pytest.mark.parametrize("given", ["word " * (CONTEXT - 1), (3492,) * (CONTEXT - 1), "word " * 5_000_000])
async def test_longer_ones_are_refused_and_not_cut(minilm: MiniLM, given: str | tuple[int, ...]) -> None:
    with pytest.raises(ApiError, match="the input 65 has") as caught:
        await embed(minilm, *["short"] * 65, given)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "context_length_exceeded", "input")


async def test_dimensions(minilm: MiniLM) -> None:
    (vector,), _ = await embed(minilm, "hello", dimensions=DIMENSIONS)
    assert len(vector) == DIMENSIONS
    with pytest.raises(ApiError) as caught:
        await embed(minilm, "hello", dimensions=256)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, "unsupported_parameter", "dimensions")


async def test_one_text_does_not_wait_for_thousands(minilm: MiniLM) -> None:
    ended = []

    async def run(name: str, *inputs: str) -> None:
        await embed(minilm, *inputs)
        ended.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(run, "many", *["word " * 200] * 24)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(run, "one", "hello")
    assert ended == ["one", "many"]


async def test_a_cancel_stops_it(minilm: MiniLM) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(embed, minilm, *["word " * 400] * 2048)  # half a minute
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    with anyio.fail_after(5):
        await embed(minilm, "hello")


async def test_without_weights_it_names_the_command(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("G4F_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    provider = MiniLM()
    assert not (await provider.models())[0].listed
    with pytest.raises(ModelNotInstalled, match=r"install it: g4f pull minilm$") as caught:
        await embed(provider, "hello")
    assert (caught.value.status, caught.value.code, caught.value.param) == (404, "model_not_installed", "model")


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers", "numpy"])
async def test_without_the_packages_it_names_the_command(monkeypatch: Any, tmp_path: Path, package: str) -> None:
    monkeypatch.setenv("G4F_DATA_DIR", str(tmp_path))
    monkeypatch.setitem(sys.modules, package, None)
    provider = MiniLM()
    assert not (await provider.models())[0].listed
    with pytest.raises(ModelNotInstalled, match=r"pip install 'g4f-proto\[embeddings\]' && g4f pull minilm$"):
        await embed(provider, "hello")


async def test_damaged_weights_are_said_to_be(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("G4F_DATA_DIR", str(tmp_path))
    for package in weights.WEIGHTS["minilm"].packages:
        for file in package.files:
            path = weights.target(weights.WEIGHTS["minilm"]) / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as sink:
                sink.truncate(file.size)
    provider = MiniLM()
    if not (await provider.models())[0].listed:
        pytest.skip("needs the extra 'embeddings'")
    with pytest.raises(ApiError, match="`g4f pull minilm` checks its weights") as caught:
        await embed(provider, "hello")
    assert caught.value.status == 502
