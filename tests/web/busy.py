"""A store in which many things happen at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from pilotage.engine.records.feed import Feed
from pilotage.engine.records.store import Store
from pilotage.model.rollout import Event


def happens(store: Store, rollout: str, word: str) -> None:
    store.note_after(store.get(rollout), Event("note", word, {"word": word}), time.time())


def no_event_is_skipped(store: Store, made: Sequence[str]) -> None:
    """Several workers record at once while several servers give positions; a follower reads along."""
    feed, done, failed = Feed(store.engine), threading.Event(), list[BaseException]()
    start = feed.extend()

    def kept(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            failed.append(error)

    def work(rollout: str) -> None:
        for number in range(15):
            happens(store, rollout, str(number))

    def serve() -> None:
        mine = Feed(store.engine)
        while not done.is_set():
            mine.extend()

    workers = [threading.Thread(target=kept, args=(lambda one=one: work(one),)) for one in made]
    servers = [threading.Thread(target=kept, args=(serve,)) for _ in range(2)]
    for thread in (*workers, *servers):
        thread.start()
    heard, at = list[tuple[str, int]](), start
    while len(heard) < 15 * len(made) and not failed:
        for one in feed.after(at):
            assert one.position > at
            at = one.position
            heard.append((one.of, one.number))
    done.set()
    for thread in (*workers, *servers):
        thread.join(60)
    assert failed == []
    assert len(set(heard)) == len(heard) == 15 * len(made)
    for rollout in made:
        numbers = [number for of, number in heard if of == rollout]
        assert numbers == sorted(numbers)
    assert feed.extend() == at
