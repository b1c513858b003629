# Any schema of the vocabulary: what is made is valid, what is called impossible is not found by trying either, and our
# own verdict on a value is the judge's. Any pattern: our languages hold what `re` finds.
from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from providers.instances import Unsatisfiable, instance
from providers.instances.document import Document
from providers.instances.errors import Budget
from providers.instances.languages import Languages
from providers.instances.patterns import language

often = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

NAMES = st.sampled_from("abc")
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, -3, 7, 0.5, 1.5, 2.0, 0.1, "", "a", "b", "ab", "aaa", "\u00e9"])
VALUES = st.recursive(
    SCALARS, lambda values: st.lists(values, max_size=3) | st.dictionaries(NAMES, values, max_size=3), max_leaves=4
)
TYPES = st.sampled_from(["null", "boolean", "object", "array", "number", "string", "integer"])
PATTERNS = st.sampled_from(["^a", "b$", "^[a-c]{2,3}$", "a|b", "^(?!a)", "x*", "^(?=.*b).{1,3}$"])
COUNT = st.integers(0, 3)
BOUND = st.sampled_from([-3, -1, 0, 0.5, 0.7, 1, 2, 5])


def some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={name.strip("_"): values for name, values in keywords.items()})


LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.booleans(),
    some(type=TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True)),
    some(const=VALUES),
    some(enum=st.lists(VALUES, min_size=1, max_size=3)),
    some(
        type=st.sampled_from(["number", "integer"]),
        minimum=BOUND,
        maximum=BOUND,
        exclusiveMinimum=BOUND,
        exclusiveMaximum=BOUND,
        multipleOf=st.sampled_from([1, 2, 3, 0.5, 0.1, 0.3]),
    ),
    some(type=st.just("string"), minLength=COUNT, maxLength=COUNT, pattern=PATTERNS),
    st.sampled_from([{"$ref": "#/$defs/x"}, {"$ref": "#/$defs/y"}, {"$ref": "#"}]),
)


def larger(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(NAMES, schemas, max_size=3)
    several = st.lists(schemas, min_size=1, max_size=3)
    names = st.lists(NAMES, max_size=3, unique=True)
    return st.one_of(
        some(type=st.just("object"), properties=named, required=names, additionalProperties=schemas,
             minProperties=COUNT, maxProperties=COUNT),
        some(properties=named, required=names, patternProperties=st.dictionaries(PATTERNS, schemas, max_size=2),
             propertyNames=schemas, additionalProperties=st.booleans()),
        some(type=st.just("object"), required=names, dependentSchemas=named,
             dependentRequired=st.dictionaries(NAMES, names, max_size=2)),
        some(type=st.just("array"), items=schemas, prefixItems=several, minItems=COUNT, maxItems=COUNT,
             uniqueItems=st.booleans()),
        some(type=st.just("array"), items=schemas, contains=schemas, minContains=COUNT, maxContains=COUNT,
             minItems=COUNT, uniqueItems=st.booleans()),
        some(allOf=several, anyOf=several, type=TYPES),
        some(oneOf=several, type=TYPES),
        some(not_=schemas, anyOf=several, type=TYPES),
        some(if_=schemas, then=schemas, else_=schemas, type=TYPES),
    )  # fmt: skip


SCHEMAS = st.recursive(LEAVES, larger, max_leaves=8)


def in_place(document: Any, schema: Any) -> Iterator[Any]:
    """The schemas that are asked about the same value."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield document["$defs"][schema["$ref"][-1]] if schema["$ref"] != "#" else document
        for keyword in ("allOf", "anyOf", "oneOf"):
            yield from schema.get(keyword, ())
        yield from (schema[keyword] for keyword in ("not", "if", "then", "else") if keyword in schema)
        yield from schema.get("dependentSchemas", {}).values()


def is_circular(document: Any, schema: Any, above: tuple[int, ...] = ()) -> bool:
    """Whether a value's validity depends on itself: the draft leaves open what that means."""
    around = (*above, id(schema))
    return any(id(sub) in around or is_circular(document, sub, around) for sub in in_place(document, schema))


DOCUMENTS = st.builds(
    lambda root, x, y: {**(root if isinstance(root, dict) else {"allOf": [root]}), "$defs": {"x": x, "y": y}},
    SCHEMAS,
    SCHEMAS,
    SCHEMAS,
).filter(lambda root: not any(is_circular(root, schema) for schema in (root, *root["$defs"].values())))


def small_values() -> Iterator[Any]:
    yield from [None, True, False, *range(-3, 8), 0.5, 1.5, 0.1, 0.3, 0.6]
    yield from ["", "a", "b", "c", "ab", "aaa", "cab", "\u00e9", "xx"]
    few = [0, "a", {}, None, 1, [], "ab", 2, True, 0.5]
    for size, parts in enumerate([few, few, few[:7], few[:4]]):
        for items in itertools.product(parts, repeat=size):
            yield list(items)
            for names in itertools.combinations(["a", "b", "c", "ab"], size):
                yield dict(zip(names, items, strict=True))
    for item in few:
        yield from ([[item]], [{"a": item}], {"a": [item]}, {"a": {"b": item}})


#: What the author of an impossible schema might have had in mind.
SMALL_VALUES = list(small_values())


@often
@given(DOCUMENTS)
@example({"type": "array", "minItems": 1, "contains": {}, "minContains": 0, "maxContains": 1})
@example({"minProperties": 3, "additionalProperties": {"$ref": "#"}})
@example({"type": "object", "properties": {"c": {"not": {"type": "integer"}, "anyOf": [{"type": "integer"}]}}})
def test_instances_are_valid_and_the_impossible_is_impossible(schema: Any) -> None:
    judge = jsonschema.Draft202012Validator(schema)
    reason = ""
    try:
        made = [instance(schema)]
    except Unsatisfiable as error:
        made, reason = [], str(error)
    if made:
        judge.validate(made[0])
    else:
        assert not [value for value in SMALL_VALUES if judge.is_valid(value)], reason


@often
@given(DOCUMENTS, VALUES)
def test_our_verdict_is_the_judges(schema: Any, value: Any) -> None:
    ours = Document(schema, Budget(1_000_000)).holds((schema, "#"), value)
    assert ours is jsonschema.Draft202012Validator(schema).is_valid(value)


ATOMS = st.sampled_from(["a", "b", "ab", ".", "[ab]", "[^a]", r"\d", r"\W", "^", "$", "(?=a)", "(?!b)", "(?=.*b)", ""])
REPEATED = st.sampled_from(["a", "b", "ab", ".", "[ab]", "[^a]", r"\d"])
REPEATS = st.sampled_from(["*", "+?", "?", "{2}", "{1,2}", "{0,}"])
REGEXES = st.recursive(
    ATOMS | st.tuples(REPEATED, REPEATS).map("(%s)%s".__mod__),
    lambda regexes: st.one_of(
        st.tuples(regexes, regexes).map("".join),
        st.tuples(regexes, regexes).map("(?:%s|%s)".__mod__),
        regexes.map("(%s)?".__mod__),
        regexes.map("(?=%s)".__mod__),
    ),
    max_leaves=6,
)


@often
@given(REGEXES)
def test_a_language_holds_what_re_finds(pattern: str) -> None:
    languages = Languages(Budget(1_000_000))
    term = language(pattern, languages)
    # ECMA-262's `$` is the very end, and its `.` knows more line ends.
    theirs = re.compile(pattern.replace("$", r"\Z").replace(".", r"[^\n\r\u2028\u2029]"), re.ASCII)
    texts = ["".join(letters) for size in range(4) for letters in itertools.product("ab1-", repeat=size)]
    for text in texts:
        assert languages.matches(term, text) == bool(theirs.search(text)), text
    for part, inside in ((term, True), (languages.without(term), False)):
        members = list(itertools.islice(languages.members(part), 5))
        assert len(set(members)) == len(members)
        assert all(bool(theirs.search(member)) is inside for member in members)
        assert members or not [text for text in texts if bool(theirs.search(text)) is inside]
