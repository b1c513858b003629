"""The chat endpoint in Sanic: one process, access log off, the loop Sanic takes by itself."""

from pydantic import ValidationError
from sanic import HTTPResponse, Request, Sanic, json
from sanic.exceptions import SanicException

from bench.baselines.common import EVENT_STREAM, PATH, ChatRequest, Reply, arguments, error, listen

app = Sanic("bare_sanic", configure_logging=False)


@app.exception(SanicException)
async def refuse(request: Request, problem: SanicException) -> HTTPResponse:
    return json(error(str(problem)), status=problem.status_code)


@app.exception(ValidationError)
async def refuse_invalid(request: Request, problem: ValidationError) -> HTTPResponse:
    return json(error(str(problem)), status=400)


@app.post(PATH)
async def chat(request: Request) -> HTTPResponse | None:
    body = ChatRequest.model_validate(request.json)
    reply = Reply(body)
    if not body.stream:
        return json(reply.document(), headers=reply.headers)
    response = await request.respond(content_type=EVENT_STREAM, headers=reply.headers)
    for frame in reply.frames():
        await response.send(frame)
    await response.eof()
    return None


if __name__ == "__main__":
    app.run(sock=listen(arguments().parse_args().port), single_process=True, access_log=False, motd=False)
