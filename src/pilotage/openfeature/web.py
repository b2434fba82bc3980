"""Middleware: a request of WSGI or ASGI, counted, and the page of counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

    from pilotage.openfeature.counter import Request, VariantCounter

Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Asgi: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]


def wsgi(counter: VariantCounter, application: WSGIApplication, path: str | None) -> WSGIApplication:
    def counted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if path is not None and environ.get("PATH_INFO") == path:
            content, kind = _page(counter)
            start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(content)))])
            return [content]
        request = counter.begin()

        def started(
            status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            request.failed = status.startswith("5")
            return start_response(status, headers, exc_info)

        try:
            return _Body(counter, request, application(environ, started))
        except BaseException as error:
            request.failed = isinstance(error, Exception)
            counter.end(request)
            raise

    return counted


class _Body:
    """What the application answers; the request ends with it."""

    def __init__(self, counter: VariantCounter, request: Request, body: Iterable[bytes]) -> None:
        self._counter, self._request, self._body = counter, request, body

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception:
            self._request.failed = True
            raise

    def close(self) -> None:
        try:
            if (close := getattr(self._body, "close", None)) is not None:
                close()
        finally:
            self._counter.end(self._request)


def asgi(counter: VariantCounter, application: Asgi, path: str | None) -> Asgi:
    async def counted(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await application(scope, receive, send)
        if path is not None and scope["path"] == path:
            content, kind = _page(counter)
            headers = [(b"content-type", kind.encode()), (b"content-length", str(len(content)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            return await send({"type": "http.response.body", "body": content})
        with counter.request() as request:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status = message["status"]
                    request.failed = isinstance(status, int) and status >= 500
                await send(message)

            return await application(scope, receive, noted)

    return counted


def _page(counter: VariantCounter) -> tuple[bytes, str]:
    from pilotage.openfeature.counter import CONTENT_TYPE

    return counter.page().encode(), CONTENT_TYPE
