"""Bodies of requests as bytes: how long, how large, and never inflated. Not what they say."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler

from api.problems import CompressedBody, MalformedRequest, TooSlow

BODY_SECONDS = 30.0
"""How long a body may take to come."""


@web.middleware
async def refuse_compressed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 415 to whoever says that a body is compressed, before any of it is read.

    A few bytes of it could be as many megabytes.
    """
    codings = ",".join(request.headers.getall("Content-Encoding", ()))
    if any(coding.strip().lower() not in ("", "identity") for coding in codings.split(",")):
        raise CompressedBody
    return await handler(request)


async def receive(request: web.Request, at_most: int) -> bytes:
    """Take the body of a request.

    Args:
        request: The request.
        at_most: How many bytes it may have.

    Raises:
        HTTPRequestEntityTooLarge: It has more.
        MalformedRequest: It is not sent as HTTP demands, or its client is gone.
        TooSlow: It does not come in time.
    """
    if (announced := request.content_length) is not None and announced > at_most:
        raise web.HTTPRequestEntityTooLarge(at_most, announced)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > at_most:
                    raise web.HTTPRequestEntityTooLarge(at_most, len(body))
    except TimeoutError:
        raise TooSlow from None
    except (web.RequestPayloadError, ConnectionError):
        raise MalformedRequest("The body cannot be read to its end.") from None
    return bytes(body)
