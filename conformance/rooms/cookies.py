"""Uploads of cookies: what is no file of cookies, and that nothing comes back. Nothing is left at the server."""

from conformance import shapes
from conformance.case import Failed, NotApplicable, case, fail_if
from conformance.message import Reply, request_bytes
from conformance.target import Target, json_of

PATH = "/upload_cookies"
SPEC = "the G4F REST API: POST /v1/upload_cookies"
WRONG = (b"", b"[]", b"{", b'[{"name": "a"}]', b"# Netscape HTTP Cookie File", b'{"log": {"entries": []}}')


def upload(target: Target, data: bytes, *, name: str = "files") -> Reply:
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="cookies.json"\r\n\r\n'.encode()
    body = b"--x7f3a\r\n" + disposition + data + b"\r\n--x7f3a--\r\n"
    headers = (("Host", target.url.authority), ("Content-Type", "multipart/form-data; boundary=x7f3a"), *target.auth)
    reply = target.exchange(request_bytes("POST", target.url.base + PATH, headers, body), "POST")
    if "scripted" in target.has:
        return reply
    if reply.status in (403, 404, 405, 501):
        raise NotApplicable(f"the server takes no cookies: {reply.status}")
    if reply.status == 400 and json_of(reply)["error"].get("param").value == "files":
        return reply  # it takes them, and misses the field
    return shapes.offered(reply, "cookies")


@case("cookies.refusals", rule=f"{SPEC}: cookie files are validated as such; 422 for what is none")
def refusals(target: Target) -> None:
    """g4f 8.8 writes any bytes over the logins it has."""
    wrong = []
    for data in WRONG:
        try:
            shapes.error(upload(target, data), 422)
        except Failed as failed:
            wrong.append(f"{data!r}: {failed}")
    try:
        shapes.error(upload(target, b"[]", name="other"), 400, param="files")
    except Failed as failed:
        wrong.append(f"no field 'files': {failed}")
    fail_if(wrong)


@case("cookies.write-only", rule="cookies are never read back out through the API")
def write_only(target: Target) -> None:
    """They are somebody's logins."""
    upload(target, b"")
    shapes.error(target.get(PATH), 405)
    shapes.error(target.get(f"{PATH}/cookies.json"), 404)
