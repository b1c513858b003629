"""The list of models, and each of them by its name."""

from urllib.parse import quote

from conformance import shapes
from conformance.case import Failed, case, fail_if
from conformance.found import Found
from conformance.target import Target, json_of

SPEC = "https://github.com/openai/openai-openapi Model, ListModelsResponse"


def listed(target: Target) -> list[Found]:
    reply = target.get("/models")
    if reply.status != 200:
        raise Failed(f"GET /models: {reply.status}")
    found = json_of(reply)
    found["object"].equals("list")
    return list(found["data"])


def check(model: Found) -> None:
    if not model["id"].text():
        raise Failed(f"{model.path}.id is empty")
    model["object"].equals("model")
    model["created"].integer()
    model["owned_by"].text()


@case("models.list", rule=f"{SPEC}: required id, object, created, owned_by", complaint=20)
def model_list(target: Target) -> None:
    """Clients fill their menus from it; one entry without `created` empties the whole menu."""
    models = listed(target)
    if not models:
        raise Failed("no models")
    for model in models:
        check(model)
    names = [model["id"].text() for model in models]
    if len(set(names)) != len(names):
        raise Failed(f"listed twice: {sorted({name for name in names if names.count(name) > 1})}")


@case("models.retrieve", rule=f"{SPEC}: GET /models/{{model}}", complaint=20)
def retrieve(target: Target) -> None:
    """g4f 8.8 answers 404 for most of what it lists."""
    wrong = []
    for model in listed(target)[:20]:
        name = model["id"].text()
        for spelling in {quote(name, safe="/:"), quote(name, safe="")}:
            reply = target.get(f"/models/{spelling}")
            if reply.status != 200:
                wrong.append(f"GET /models/{spelling}: {reply.status}")
                continue
            found = json_of(reply)
            check(found)
            found["id"].equals(name)
    fail_if(wrong[:5])


@case("models.unknown", rule="api.openai.com: 404 model_not_found", complaint=(17, 20))
def unknown(target: Target) -> None:
    """Clients probe for a model this way."""
    for name in ("no-such-model-7f3a", "no/such/model", "%00", "no%20such"):
        try:
            shapes.error(target.get(f"/models/{name}"), 404, code="model_not_found")
        except Failed as failed:
            raise Failed(f"GET /models/{name}: {failed}") from None


@case("models.answers", rule="what is listed answers")
def answers(target: Target) -> None:
    """The model that was judged here can be chosen from the list."""
    names = [model["id"].text() for model in listed(target)]
    if target.model not in names:
        raise Failed(f"{target.model} answers, but is not listed")


@case(
    "models.head",
    rule="https://www.rfc-editor.org/rfc/rfc9110#section-9.1: GET and HEAD MUST be supported",
    complaint=20,
)
def head(target: Target) -> None:
    """Uptime checks use HEAD; its headers are those of GET, without the body."""
    for path in ("/models", f"/models/{quote(target.model, safe='')}"):
        got, asked = target.get(path), target.get(path, method="HEAD")
        if got.status == 404 and path != "/models":
            continue  # models.retrieve tells
        if (got.status, asked.status) != (200, 200):
            raise Failed(f"{path}: GET {got.status}, HEAD {asked.status}")
        json_of(got)["object"]
        for name in ("content-type", "content-length"):
            if asked.header(name) not in (got.header(name), None):
                raise Failed(f"{path}: {name} is {got.header(name)} for GET, {asked.header(name)} for HEAD")


@case("models.slashes", rule="no redirects; base URLs end in a slash as often as not", complaint=20)
def slashes(target: Target) -> None:
    """`base_url + "/" + path` makes `//` in half of all configurations."""
    wrong = []
    for path in ("/models/", "//models"):
        reply = target.get(path)
        if reply.status == 200:
            json_of(reply)["data"]
        elif "scripted" in target.has or reply.status not in (400, 404):
            wrong.append(f"GET {target.url.base}{path}: {reply.status}")
    fail_if(wrong)
