"""A service for thousands of tenants, for tests of waves: from 3.0 on it fails the tenants of the third wave. It costs
little: a test asks it for every tenant, wave after wave."""

from __future__ import annotations

import asyncio
import sys


class Answers(asyncio.Protocol):
    """Requests without a body."""

    def __init__(self, version: str) -> None:
        self._version, self._heard = version, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._heard = (self._heard + data).split(b"\r\n\r\n")
        for request in requests:
            hurt = self._version >= "3" and b"x-tenant: three-" in request
            status = "500 Internal Server Error" if hurt else "200 OK"
            self._transport.write(f"HTTP/1.1 {status}\r\ncontent-length: 3\r\n\r\n{self._version}".encode())


async def main() -> None:
    port, version = int(sys.argv[1]), sys.argv[2]
    server = await asyncio.get_running_loop().create_server(lambda: Answers(version), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
