"""The providers of the G4F REST API: the list, each of them, and what it serves."""

from urllib.parse import quote

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Found, show
from conformance.target import Target, json_of

SPEC = "the G4F REST API: GET /v1/providers"
LISTS = ("models", "image_models", "vision_models")


def listed(target: Target) -> list[Found]:
    reply = target.get("/providers")
    if "scripted" not in target.has:
        if reply.status in (404, 405):
            raise NotApplicable(f"the server tells of no providers: {reply.status}")
        reply = shapes.offered(reply, "to tell of its providers")
    if reply.status != 200:
        raise Failed(f"GET /providers: {reply.status}")
    found = json_of(reply)
    found["object"].equals("list")
    providers = list(found["data"])
    if not providers:
        raise Failed("no providers")
    return providers


def names(provider: Found, key: str) -> list[str]:
    return [model.text() for model in provider[key]]


def check(provider: Found) -> None:
    if not provider["provider"].text():
        raise Failed(f"{provider.path}.provider is empty")
    provider["url"].text()
    for flag in ("working", "auth"):
        if not isinstance(provider[flag].value, bool):
            raise Failed(f"{provider.path}.{flag} should be a boolean, is {show(provider[flag].value)}")
    models = names(provider, "models")
    for key in LISTS[1:]:
        if strange := set(names(provider, key)) - set(models):
            raise Failed(f"{provider.path}.{key} has what is not among its models: {sorted(strange)}")


@case("providers.list", rule=f"{SPEC}: provider, models, image_models, vision_models, url, working, auth")
def provider_list(target: Target) -> None:
    """Clients fill their menus from it."""
    providers = listed(target)
    for provider in providers:
        check(provider)
    every = [provider["provider"].text() for provider in providers]
    if len(set(every)) != len(every):
        raise Failed(f"listed twice: {sorted({name for name in every if every.count(name) > 1})}")


@case("providers.retrieve", rule=f"{SPEC}/{{provider}}: the same, and stream and description")
def retrieve(target: Target) -> None:
    """What is listed can be asked for."""
    for provider in listed(target)[:20]:
        name = provider["provider"].text()
        reply = target.get(f"/providers/{quote(name, safe='')}")
        if reply.status != 200:
            raise Failed(f"GET /providers/{name}: {reply.status}")
        found = json_of(reply)
        for key in ("provider", *LISTS, "url", "auth"):
            found[key].equals(provider[key].value)
        found["description"].text()
        if not isinstance(found["stream"].value, bool):
            raise Failed(f"stream should be a boolean, is {show(found['stream'].value)}")


@case("providers.models", rule="the G4F REST API: GET /api/{provider}/models, its flags image and vision")
def models(target: Target) -> None:
    """Two lists of the same models that differ are two truths."""
    wrong = []
    for provider in listed(target)[:20]:
        name = provider["provider"].text()
        reply = target.get(f"/api/{quote(name, safe='')}/models", base="")
        if reply.status != 200:
            raise Failed(f"GET /api/{name}/models: {reply.status}")
        told = list(json_of(reply)["data"])
        flagged = {
            "models": [model["id"].text() for model in told],
            "image_models": [model["id"].text() for model in told if model["image"].value is True],
            "vision_models": [model["id"].text() for model in told if model["vision"].value is True],
        }
        wrong += [f"{name}: {key} differ" for key in LISTS if sorted(names(provider, key)) != sorted(flagged[key])]
    fail_if(wrong)


@case("providers.unknown", rule="404 and an error object")
def unknown(target: Target) -> None:
    """A name that is not served is a mistake to be told."""
    listed(target)
    shapes.error(target.get("/providers/no-such-provider-7f3a"), 404)
    shapes.error(target.get("/api/no-such-provider-7f3a/models", base=""), 404)
