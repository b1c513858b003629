# LangChain sends token ids unless told otherwise, cl100k_base's where it does not know the model: the texts they stand
# for are what must be compared.
from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from providers import weights
from tests.backends.conftest import started

langchain = pytest.importorskip("langchain_openai")

MINILM = weights.WEIGHTS["minilm"]
#: What tiktoken calls cl100k_base in its cache.
CACHED = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
TEXTS = ["A cat sits on the mat.", "Share prices fell sharply.", "Un chat est assis. 你好"]


@pytest.mark.skipif(not weights.installed(MINILM), reason="needs `g4f pull minilm`")
def test_token_ids_are_their_texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packed = weights.target(MINILM) / "cl100k_base.tiktoken.gz"
    (tmp_path / CACHED).write_bytes(gzip.decompress(packed.read_bytes()))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with started("-m", "backends.h11", "--port", "0") as server:
        how = {"model": "all-minilm-l6-v2", "base_url": f"{server.url}/v1", "api_key": "none"}
        ids = langchain.OpenAIEmbeddings(**how).embed_documents(TEXTS)
        texts = langchain.OpenAIEmbeddings(**how, check_embedding_ctx_length=False).embed_documents(TEXTS)
    assert [len(vector) for vector in texts] == [384] * 3
    for one, other in zip(ids, texts, strict=True):
        assert sum(a * b for a, b in zip(one, other, strict=True)) > 0.9999
