"""Who may ask: keys, their spellings, and the preflight request that carries none.

Needs a server that was started with a key, and the same key given with --key.
"""

from conformance import shapes
from conformance.case import Failed, case, fail_if
from conformance.message import Headers
from conformance.target import CHAT, Target, completed

RFC = "https://www.rfc-editor.org/rfc/rfc9110"
PREFLIGHT: Headers = (
    ("Origin", "https://app.example"),
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "authorization, content-type, x-stainless-lang, x-stainless-retry-count"),
)


@case("auth.missing-key", rule="openai-python: 401 is AuthenticationError", needs=("key",), complaint=17)
def missing_key(target: Target) -> None:
    """No key, no answer, and JSON that says why."""
    shapes.error(target.post(CHAT, target.body(), headers=()), 401)


@case("auth.wrong-key", rule="api.openai.com: 401 invalid_api_key", needs=("key",), complaint=17)
def wrong_key(target: Target) -> None:
    """Clients ask for a new key on this code; LiteLLM answers 400, g4f no code."""
    for key in ("sk-wrong", f"{target.key}x", (target.key or "")[:-1], ""):
        for stream in (False, True):
            reply = target.post(CHAT, target.body(stream=stream), headers=(("Authorization", f"Bearer {key}"),))
            shapes.error(reply, 401, code="invalid_api_key" if key else ...)


@case("auth.odd-keys", rule="a key is compared as bytes", needs=("key",))
def odd_keys(target: Target) -> None:
    """hmac.compare_digest raises TypeError for non-ASCII text: a 500 for anybody who sends one byte."""
    wrong = []
    for value in (
        "Bearer k\xe9y",
        "Bearer",
        "bearer",
        "Basic Zm9vOmJhcg==",
        f"Bearer  {target.key} x",
        "\xff\xfe",
        "Bearer " + "x" * 5000,
    ):
        reply = target.post(CHAT, target.body(), headers=(("Authorization", value),))
        if reply.status not in (400, 401, 431):
            wrong.append(f"Authorization: {value[:20]!r}: {reply.status}")
    fail_if(wrong)


@case("auth.challenge", rule=f"{RFC}#section-15.5.2: a 401 MUST send a WWW-Authenticate header field", needs=("key",))
def challenge(target: Target) -> None:
    """Browsers and proxies learn the scheme from it."""
    reply = target.post(CHAT, target.body(), headers=())
    if reply.status != 401 or not reply.header("www-authenticate"):
        raise Failed(f"{reply.status} with WWW-Authenticate: {reply.header('www-authenticate')}")


@case("auth.scheme-case", rule=f"{RFC}#section-11.1: the scheme is case-insensitive", needs=("key",))
def scheme_case(target: Target) -> None:
    """Some HTTP libraries write `bearer`."""
    completed(target.post(CHAT, target.body(), headers=(("authorization", f"bearer {target.key}"),)))


@case(
    "auth.key-headers",
    rule="G4F REST API: g4f-api-key; Anthropic's and LocalAI's clients: x-api-key",
    needs=("key", "scripted"),
)
def key_headers(target: Target) -> None:
    """Three spellings of one key."""
    for name in ("g4f-api-key", "G4F-API-Key", "x-api-key"):
        completed(target.post(CHAT, target.body(), headers=((name, target.key or ""),)))
        shapes.error(target.post(CHAT, target.body(), headers=((name, "wrong"),)), 401, code="invalid_api_key")


@case("auth.every-route", rule="one rule on every path but an explicit short list", needs=("key", "scripted"))
def every_route(target: Target) -> None:
    """A path whose end or slashes dodge the check is an open door: g4f leaves everything that ends in /models open."""
    paths = [("GET", "/v1/models"), ("GET", "//v1/models/"), ("GET", "/v1/models/scripted"), ("POST", f"/v1{CHAT}/")]
    paths += [
        ("POST", CHAT),
        ("POST", f"/api/Scripted{CHAT}"),
        ("POST", f"/health/..{CHAT}"),
        ("POST", f"/health{CHAT}"),
    ]
    wrong = []
    for method, path in paths:
        body = target.body() if method == "POST" else None
        reply = target.exchange(target.request(method, path, body, headers=(), base=""), method)
        if reply.status not in (401, 404):
            wrong.append(f"{method} {path} without a key: {reply.status}")
    fail_if(wrong)


@case("auth.health", rule="an explicit short list: /health needs no key", needs=("scripted",))
def health(target: Target) -> None:
    """Orchestrators probe without secrets."""
    for method in ("GET", "HEAD"):
        reply = target.get("/health", headers=(), method=method, base="")
        if reply.status != 200:
            raise Failed(f"{method} /health without a key: {reply.status}")


@case(
    "auth.preflight",
    rule="https://fetch.spec.whatwg.org/#cors-preflight-fetch: without credentials, an ok status",
    complaint=21,
)
def preflight(target: Target) -> None:
    """Browsers send no key with OPTIONS: a 401, 400 or 405 there locks every web application out."""
    reply = target.get(CHAT, headers=PREFLIGHT, method="OPTIONS")
    if not 200 <= reply.status < 300:
        raise Failed(f"OPTIONS without a key: {reply.status}")
    if (origin := reply.header("access-control-allow-origin")) is None:
        return  # the server says no to other origins, properly
    if origin == "*" and (reply.header("access-control-allow-credentials") or "").lower() == "true":
        raise Failed("any origin together with credentials")
    allowed = {name.strip().lower() for name in (reply.header("access-control-allow-headers") or "").split(",")}
    asked = {"authorization", "content-type", "x-stainless-lang", "x-stainless-retry-count"}
    # "*" does not cover Authorization: https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name
    missing = asked - allowed if "*" not in allowed else {"authorization"} - allowed
    if missing:
        raise Failed(f"access-control-allow-headers lacks {sorted(missing)}")


@case(
    "auth.cors-on-errors",
    rule="https://fetch.spec.whatwg.org/#cors-check applies to every status",
    needs=("key",),
    complaint=21,
)
def cors_on_errors(target: Target) -> None:
    """Without the header on a 401 the browser shows "network error" instead of the reason."""
    origin = ("Origin", "https://app.example")
    fine, refused = (target.post(CHAT, target.body(), headers=(origin, *key)) for key in (target.auth, ()))
    completed(fine)
    shapes.error(refused, 401)
    name = "access-control-allow-origin"
    if fine.header(name) != refused.header(name):
        raise Failed(f"{name}: {fine.header(name)} on {fine.status}, {refused.header(name)} on {refused.status}")
