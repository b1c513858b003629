"""The chat endpoint in FastAPI, run by uvicorn: pydantic body, `JSONResponse`, `StreamingResponse`; access log off."""

from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from bench.baselines.common import EVENT_STREAM, PATH, ChatRequest, Reply, arguments, error, listen

app = FastAPI()


@app.exception_handler(HTTPException)
async def refuse(request: Request, problem: HTTPException) -> Response:
    return JSONResponse(error(str(problem.detail)), problem.status_code)


@app.exception_handler(RequestValidationError)
async def refuse_invalid(request: Request, problem: RequestValidationError) -> Response:
    return JSONResponse(error(str(problem.errors()[0]["msg"])), 400)


@app.post(PATH, response_model=None)
async def chat(body: ChatRequest) -> Response:
    reply = Reply(body)
    if not body.stream:
        return JSONResponse(reply.document(), headers=reply.headers)

    async def frames() -> AsyncIterator[str]:
        for frame in reply.frames():
            yield frame

    return StreamingResponse(frames(), headers=reply.headers, media_type=EVENT_STREAM)


if __name__ == "__main__":
    parser = arguments()
    parser.add_argument("--http", choices=("h11", "httptools"), default="h11")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options = parser.parse_args()
    config = uvicorn.Config(app, http=options.http, loop=options.loop, access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listen(options.port)])
