# Embeddings and lists through openai-python, on every server: by default it asks for base64 and unpacks it itself.
from __future__ import annotations

import openai
import pytest

TEXTS = ["a cat", "a dog", "a cat"]


def test_base64_and_floats_are_the_same(client: openai.OpenAI) -> None:
    packed = client.embeddings.create(model="scripted", input=TEXTS)
    floats = client.embeddings.create(model="scripted", input=TEXTS, encoding_format="float")
    assert [entry.embedding for entry in packed.data] == [entry.embedding for entry in floats.data]
    assert [entry.index for entry in floats.data] == [0, 1, 2]
    assert floats.data[0].embedding == floats.data[2].embedding != floats.data[1].embedding
    assert (packed.model, packed.usage.prompt_tokens, packed.usage.total_tokens) == ("scripted", 6, 6)


def test_the_forms_of_the_input_and_dimensions(client: openai.OpenAI) -> None:
    for given, count in (("a cat", 1), ([1, 2, 3], 1), ([[1, 2], [3]], 2)):
        made = client.embeddings.create(model="scripted", input=given, dimensions=8)
        assert [len(entry.embedding) for entry in made.data] == [8] * count


def test_many(client: openai.OpenAI) -> None:
    made = client.embeddings.create(model="scripted", input=[f"text {number}" for number in range(2048)])
    assert len({tuple(entry.embedding) for entry in made.data}) == 2048
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model="scripted", input=["a"] * 2049)
    assert (caught.value.code, caught.value.param) == ("array_above_max_length", "input")


def test_a_model_that_makes_none(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="smollm2", input="a")
    assert caught.value.code == "model_not_found"


def test_every_model_that_is_listed_is_retrievable(client: openai.OpenAI) -> None:
    models = list(client.models.list())
    assert {"scripted", "gpt-4o-mini", "Scripted"} <= {model.id for model in models}
    for model in models:
        assert client.models.retrieve(model.id) == model
