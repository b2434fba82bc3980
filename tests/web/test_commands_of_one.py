"""R34: nobody who only watches keeps others from their shell, and least of all from an abort."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pilotage.app.remote import carrying
from pilotage.app.remote.carrying import TooManyCommands, Workplace, carry_out
from pilotage.model.access import Identity, Proof
from pilotage.model.actor import ActorKind
from pilotage.model.shell import Ended, Message, ShellRequest


def test_r34_command_lines_of_one_person_leave_room_for_others_and_for_an_abort(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        going, over = asyncio.Semaphore(0), asyncio.Event()

        async def stays(_place: object, _who: object, request: ShellRequest, _folder: object) -> AsyncIterator[Message]:
            going.release()
            if "watch" in request.words:
                await over.wait()
            yield Ended(status=0)

        monkeypatch.setattr(carrying, "_run", stays)
        monkeypatch.setattr(carrying, "_AT_ONCE", asyncio.Semaphore(16))
        monkeypatch.setattr(carrying, "_BACK_AT_ONCE", asyncio.Semaphore(8))
        watching = list[asyncio.Task[list[Message]]]()
        for name in ("ada", "bob", "cleo"):
            for _ in range(5 if name != "cleo" else 6):
                watching.append(asyncio.create_task(heard(name, "watch")))
                await going.acquire()
        with pytest.raises(TooManyCommands):
            await heard("cleo", "status")
        assert await heard("cleo", "abort") == [Ended(status=0)], "all 16 places are taken"
        over.set()
        await asyncio.gather(*watching)
        assert await heard("cleo", "status") == [Ended(status=0)]
        assert not carrying._of_one

    asyncio.run(run())


async def heard(name: str, word: str) -> list[Message]:
    who = Identity(name=name, kind=ActorKind.PERSON, proof=Proof.TOKEN, grants=())
    words = carry_out(Workplace(config=Path("pilotage.yaml")), who, ShellRequest(words=(word,)))
    return [one async for one in words]
