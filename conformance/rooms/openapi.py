"""The API's description of itself: that it is one, and that what it tells of is there."""

import re

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.found import Found
from conformance.target import Target, json_of

SPEC = "https://spec.openapis.org/oas/v3.1.1.html"


def described(target: Target) -> Found:
    reply = target.get("/openapi.json", base="")
    if "scripted" not in target.has:
        if reply.status in (404, 405):
            raise NotApplicable(f"the server does not describe itself: {reply.status}")
        reply = shapes.offered(reply, "to describe itself")
    if reply.status != 200:
        raise Failed(f"GET /openapi.json: {reply.status}")
    return json_of(reply)


@case("openapi.document", rule=f"{SPEC}: openapi, info and paths")
def document(target: Target) -> None:
    """Clients are generated from it."""
    found = described(target)
    if not re.match(r"3\.\d", found["openapi"].text()):
        raise Failed(f"openapi is {found['openapi'].value}")
    found["info"]["title"].text()
    found["info"]["version"].text()
    paths = found["paths"].object()
    for path, item in paths.items():
        for method, operation in Found(item, path).object().items():
            if method in ("get", "post"):
                Found(operation, f"{method} {path}")["responses"].object()
    if not any("/chat/completions" in path for path in paths):
        raise Failed("it tells of no chat")


@case("openapi.references", rule=f"{SPEC}: a $ref is resolved within the document")
def references(target: Target) -> None:
    """A generator stops at the first name that leads nowhere."""
    found = described(target)
    wrong = set()
    todo = [found.value]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        elif isinstance(value, dict):
            todo += value.values()
            ref = value.get("$ref")
            if isinstance(ref, str) and not _leads_somewhere(found, ref):
                wrong.add(ref)
    if not found["paths"].object():
        raise Failed("it has no paths")
    fail_if(sorted(wrong))


def _leads_somewhere(found: Found, ref: str) -> bool:
    place = found
    for step in ref.removeprefix("#/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if not ref.startswith("#/") or name not in place:
            return False
        place = place[name]
    return True


@case("openapi.paths", rule="what is told of is there")
def paths(target: Target) -> None:
    """A path that is described and not served is found out by the first user of a generated client."""
    wrong = []
    for path, item in described(target)["paths"].object().items():
        known = Found(item, path).object()
        if "{" in path or not known:
            continue
        method = "GET" if "get" in known else "POST"
        reply = target.get(path, base="") if method == "GET" else target.post(path, b"{}", base="")
        if reply.status in (404, 405) or (method == "GET" and reply.status != 200):
            wrong.append(f"{method} {path}: {reply.status}")
    if not wrong and not described(target)["paths"].object():
        raise Failed("it has no paths")
    fail_if(wrong)
