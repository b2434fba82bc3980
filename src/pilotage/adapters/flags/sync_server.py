"""flagd's gRPC sync service (flagd.sync.v1, https://buf.build/open-feature/flagd): a flagd, or a provider that
evaluates in process, follows the definitions of a set. Importing this module needs `pilotage[flagd]`.

A stream gets the whole content at once, and again with every change. Which set it follows is said by flagd's selector:
in the metadata `flagd-selector`, or in the request as older clients do.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import grpc.aio
from openfeature.schemas.protobuf.flagd.sync.v1 import sync_pb2_grpc
from openfeature.schemas.protobuf.flagd.sync.v1.sync_pb2 import (
    FetchAllFlagsRequest,
    FetchAllFlagsResponse,
    GetMetadataRequest,
    GetMetadataResponse,
    SyncFlagsRequest,
    SyncFlagsResponse,
)

from pilotage.adapters.flags.flag_server import FlagSets, admits
from pilotage.adapters.flags.served_file import ServedFile
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret

_LOOK_EVERY = 0.2
_MOST = 1000
"""Calls at a time; a stream is one."""
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    # Providers ping an idle stream every 30 s or less; the defaults of gRPC would send them away.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.max_receive_message_length", 64 * 1024),
)


class _Service(sync_pb2_grpc.FlagSyncServiceServicer):
    def __init__(self, sets: FlagSets, token: Secret | None) -> None:
        self._sets, self._token = sets, token

    async def FetchAllFlags(  # noqa: N802
        self, request: FetchAllFlagsRequest, context: grpc.aio.ServicerContext
    ) -> FetchAllFlagsResponse:
        file = await self._chosen(request.selector, context)
        return FetchAllFlagsResponse(flag_configuration=await _content(file, context))

    async def SyncFlags(  # noqa: N802
        self, request: SyncFlagsRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[SyncFlagsResponse]:
        file, sent = await self._chosen(request.selector, context), ""
        while True:
            if (content := await _content(file, context)) != sent:
                sent = content
                yield SyncFlagsResponse(flag_configuration=content)
            await asyncio.sleep(_LOOK_EVERY)

    async def GetMetadata(  # noqa: N802
        self,
        request: GetMetadataRequest,  # noqa: ARG002
        context: grpc.aio.ServicerContext,  # noqa: ARG002
    ) -> GetMetadataResponse:
        """Deprecated there; older providers ask before they follow."""
        return GetMetadataResponse(metadata={})

    async def _chosen(self, named: str, context: grpc.aio.ServicerContext) -> ServedFile:
        sent = {name: str(value) for name, value in context.invocation_metadata()}
        if not admits(self._token, sent.get("authorization", "").removeprefix("Bearer ").strip()):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is missing or wrong")
        name = sent.get("flagd-selector") or named
        if (file := self._sets.chosen(name)) is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, self._sets.unclear(name))
            raise AssertionError  # `abort` raises
        return file


async def _content(file: ServedFile, context: grpc.aio.ServicerContext) -> str:
    if (found := file.current()) is None:
        await context.abort(grpc.StatusCode.UNAVAILABLE, file.trouble)
        raise AssertionError
    return found.content.decode()


class SyncServer:
    """Runs in a thread of its own until it is stopped."""

    def __init__(self, place: tuple[str, int], sets: FlagSets, token: Secret | None) -> None:
        """Raises AdapterError where the address is taken."""
        self._place, self._service = place, _Service(sets, token)
        self.port = 0
        self._failure: Exception | None = None
        self._started, self._loop = threading.Event(), asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="flag sync", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise AdapterError(f"cannot listen on {place[0]}:{place[1]}: {self._failure}")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        try:
            server = await self._begin()
        except (RuntimeError, OSError) as error:
            self._failure = error
            return
        self._started.set()
        await self._over.wait()
        await server.stop(None)
        # The calls that this ended: the loop is closed only after them.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left, timeout=1.0)

    async def _begin(self) -> grpc.aio.Server:
        host, port = self._place
        server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=_MOST)
        sync_pb2_grpc.add_FlagSyncServiceServicer_to_server(self._service, server)
        self.port = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        await server.start()
        return server
