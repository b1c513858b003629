# all-MiniLM-L6-v2 in this very process: embeddings with no network and no key.
#
# Loaded on first use, in a thread. The inputs of a call are sorted by length and go through the network in batches of
# so many tokens; between two batches a call can be cancelled, and another call's batch may come first, so that one
# text never waits for two thousand. onnxruntime and tokenizers are an optional extra and the weights are pulled: both
# are looked for at each call, so that installing them while the server runs is enough.
from __future__ import annotations

import gzip
import logging
import os
import threading
from array import array
from binascii import a2b_base64
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

from g4f_proto import (
    Call,
    Embedding,
    EmbeddingCall,
    InvalidRequest,
    Model,
    ProviderEvent,
    ProviderInfo,
    ProviderNotWorking,
    UnsupportedParameter,
    Usage,
)

from . import weights
from .installing import lacking, not_installed

if TYPE_CHECKING:
    from onnxruntime import InferenceSession  # type: ignore[import-untyped]
    from tokenizers import Tokenizer

__all__ = ("CONTEXT", "DIMENSIONS", "MiniLM")

log = logging.getLogger("g4f.providers")

DIMENSIONS: Final = 384  #: of every vector
#: Tokens of an input; the network has no more positions. sentence-transformers cuts at 256 and says nothing.
CONTEXT: Final = 512
_WEIGHTS: Final = weights.WEIGHTS["minilm"]
#: In one go: 0.1 s on two cores, 0.2 s on a busy one. More are no faster.
_BATCH: Final = 1024
# A word of any length can be one token, and blanks are none: only the tokenizer can tell if a text is too long. But it
# takes seconds for 25 MB, in which nobody can cancel, so that it is asked about so many characters and so many texts.
_LONGEST: Final = 32 * CONTEXT
_GROUP: Final = 64


class MiniLM:
    """The embedded embeddings. One object loads the model once and serves one event loop; :meth:`aclose` frees it."""

    info = ProviderInfo(
        name="MiniLM",
        label="MiniLM",
        default_model="all-minilm-l6-v2",
        url="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        description=f"Embeddings of {DIMENSIONS} dimensions on this machine, of English texts: no network, no key",
    )

    def __init__(self) -> None:
        self._turn = anyio.Lock()
        self._loading = threading.Lock()
        self._network: _Network | None = None

    async def models(self) -> Sequence[Model]:
        return (
            Model(
                id="all-minilm-l6-v2",
                owned_by="sentence-transformers",
                kinds=frozenset({"embedding"}),
                listed=not _missing(),
            ),
        )

    async def stream(self, call: Call) -> AsyncGenerator[ProviderEvent, None]:
        assert isinstance(call, EmbeddingCall)  # the one kind its model has
        if missing := _missing():
            raise not_installed("all-minilm-l6-v2", missing)
        if call.dimensions not in (None, DIMENSIONS):
            # A prefix of a vector means something only if the model was trained for that, and this one was not.
            # https://arxiv.org/abs/2205.13147
            raise UnsupportedParameter(
                f"Unsupported value: 'dimensions' can only be {DIMENSIONS} with the model 'all-minilm-l6-v2'.",
                param="dimensions",
            )
        # who leaves now does not stop the loading: the next one will want it
        network = await anyio.to_thread.run_sync(self._load, abandon_on_cancel=True)
        inputs: list[list[int]] = []
        for start in range(0, len(call.inputs), _GROUP):
            group = call.inputs[start : start + _GROUP]
            inputs += await anyio.to_thread.run_sync(network.read, group, start)
        for batch in _batches(inputs):
            async with self._turn:
                vectors = await anyio.to_thread.run_sync(network.vectors, [inputs[index] for index in batch])
            for index, vector in zip(batch, vectors, strict=True):
                yield Embedding(index=index, vector=vector)
        yield Usage(prompt_tokens=sum(map(len, inputs)), completion_tokens=0)

    async def aclose(self) -> None:
        """Free the model; a batch on its way keeps it until it is through."""
        self._network = None

    def _load(self) -> _Network:
        with self._loading:
            if self._network is None:
                try:
                    self._network = _Network(weights.target(_WEIGHTS))
                except Exception:
                    log.exception("the embedding model could not be loaded")
                    raise ProviderNotWorking(
                        "The model 'all-minilm-l6-v2' could not be loaded. `g4f pull minilm` checks its weights; "
                        "the server's log has the details."
                    ) from None
            return self._network


class _Network:
    """The loaded model; every method blocks and may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self._folder = folder
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # "[SEP]" in a text is five characters and ends nothing
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(4, os.cpu_count() or 1)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the server wants the cores as well
        self._session: InferenceSession = onnxruntime.InferenceSession(
            folder / "model.onnx", options, providers=["CPUExecutionProvider"]
        )

    def read(self, inputs: Sequence[str | tuple[int, ...]], first: int) -> list[list[int]]:
        """The inputs as the tokens of this network.

        :param first: the number of the first input, for what is said about one of them.
        :raises InvalidRequest: one is longer than the context, or has an id that is no token.
        """
        texts = [given if isinstance(given, str) else self._said(given) for given in inputs]
        for index, text in enumerate(texts, first):
            if len(text) > _LONGEST:
                raise _too_long(index, f"{len(text)} characters")
        # JSON may carry halves of surrogate pairs; UTF-8 must not
        whole = [text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for text in texts]
        read: list[list[int]] = [encoding.ids for encoding in self._tokenizer.encode_batch(whole)]
        for index, tokens in enumerate(read, first):
            if len(tokens) > CONTEXT:
                raise _too_long(index, f"{len(tokens)} tokens")
        return read

    def _said(self, tokens: tuple[int, ...]) -> str:
        """The text that a client's token ids stand for."""
        try:
            return b"".join(self._words[token] for token in tokens).decode("utf-8", "replace")
        except KeyError as error:
            raise InvalidRequest(
                f"Invalid 'input': {error} is no token of cl100k_base.", param="input", code="invalid_value"
            ) from None

    @cached_property
    def _words(self) -> Mapping[int, bytes]:
        # Whose ids they are is not said. Those of OpenAI's embedding models are what clients send, whoever they ask:
        # LangChain counts with cl100k_base where it does not know the model.
        lines = gzip.decompress((self._folder / "cl100k_base.tiktoken.gz").read_bytes()).splitlines()
        return {token: a2b_base64(line.partition(b" ")[0]) for token, line in enumerate(lines)}

    def vectors(self, batch: Sequence[Sequence[int]]) -> list[array[float]]:
        """One vector for each, of length 1: what the network says of the tokens, on average."""
        import numpy

        lengths = numpy.array([len(tokens) for tokens in batch])
        mask = (numpy.arange(lengths.max()) < lengths[:, None]).astype(numpy.int64)
        ids = numpy.zeros_like(mask)
        ids[mask == 1] = [token for tokens in batch for token in tokens]
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(mask)}
        (hidden,) = self._session.run(None, feed)
        # "Mean Pooling - Take attention mask into account for correct averaging", then F.normalize:
        # https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2#usage-huggingface-transformers
        mean = (hidden * mask[:, :, None]).sum(axis=1) / lengths[:, None]
        unit = (mean / numpy.linalg.norm(mean, axis=1, keepdims=True)).astype(numpy.float32)
        return [array("f", row.tobytes()) for row in unit]


def _missing() -> list[str]:
    return lacking("embeddings", ("onnxruntime", "tokenizers", "numpy"), _WEIGHTS)


def _batches(inputs: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The numbers of the inputs, put together by length: what is padded is computed too."""
    batch: list[int] = []
    for index in sorted(range(len(inputs)), key=lambda index: len(inputs[index])):
        if batch and (len(batch) + 1) * len(inputs[index]) > _BATCH:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _too_long(index: int, length: str) -> InvalidRequest:
    return InvalidRequest(
        f"This model's maximum context length is {CONTEXT} tokens, but the input {index} has {length}. "
        "Send it in parts.",
        param="input",
        code="context_length_exceeded",
    )
