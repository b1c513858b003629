"""The chat endpoint in Quart, served by Hypercorn on asyncio."""

import asyncio
from collections.abc import AsyncIterator

from hypercorn.asyncio import serve
from hypercorn.config import Config
from pydantic import ValidationError
from quart import Quart, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from bench.baselines.common import EVENT_STREAM, PATH, ChatRequest, Reply, arguments, error, listen

app = Quart(__name__)


@app.errorhandler(HTTPException)
async def refuse(problem: HTTPException) -> tuple[dict[str, object], int]:
    return error(problem.description or problem.name), problem.code or 500


@app.errorhandler(ValidationError)
async def refuse_invalid(problem: ValidationError) -> tuple[dict[str, object], int]:
    return error(str(problem)), 400


@app.post(PATH)
async def chat() -> Response:
    body = ChatRequest.model_validate(await request.get_json())
    reply = Reply(body)
    if not body.stream:
        response = jsonify(reply.document())
        response.headers.update(reply.headers)
        return response

    async def frames() -> AsyncIterator[str]:
        for frame in reply.frames():
            yield frame

    return Response(frames(), headers=reply.headers, content_type=EVENT_STREAM)


if __name__ == "__main__":
    listener = listen(arguments().parse_args().port)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "WARNING"
    asyncio.run(serve(app, config))
