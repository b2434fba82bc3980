"""What commands that only read are answered without the database layer is what `Store` answers: the reader's SQL is no
second truth."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pilotage.app.errors import exit_status
from pilotage.app.status import LEFT_OUT
from pilotage.engine.records.at_once import AtOnce
from pilotage.engine.records.reader import Reader, reader_of
from pilotage.engine.records.store import Store
from pilotage.model.calendar import Freeze
from pilotage.model.record import Unreadable

STORES = sorted((Path(__file__).parents[2] / "stores").glob("*.sqlite.gz"))
PLACE = ("shop", "production")


@pytest.fixture(params=STORES, ids=lambda path: path.name.partition(".")[0])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store with rollouts that ended, rolled back, run and wait; written by an earlier Pilotage and brought up to
    date."""
    (tmp_path / "pilotage.sqlite").write_bytes(gzip.decompress(request.param.read_bytes()))
    opened = Store(tmp_path)
    yield opened
    opened.close()


def spoilt(store: Store, *statements: str) -> None:
    with store.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def of(directory: Path) -> Reader:
    found = reader_of(directory)
    assert found is not None
    return found


def told(ask: Callable[[], object]) -> object:
    """An answer, or the sentence of the error in place of one."""
    try:
        return ask()
    except (KeyError, Unreadable) as error:
        return str(error)


def assert_the_same(store: Store) -> None:
    reader = of(store.directory)
    every = store.history(*PLACE)
    for service, environment in (PLACE, ("shop", "nowhere")):
        assert reader.newest(service, environment) == store.newest(service, environment)
        assert reader.queued(service, environment) == store.queued(service, environment)
        assert reader.serving(service, environment) == store.serving(service, environment)
        for limit in (1, 50):
            assert reader.history(service, environment, limit) == store.history(service, environment, limit)
    assert reader.history("shop") == store.history("shop")
    assert reader.places() == store.places() == (PLACE,)
    for identity in (*(one.id for one in every), "unknown"):
        assert told(lambda: reader.look_up(identity)) == told(lambda: store.look_up(identity))  # noqa: B023
        assert told(lambda: reader.get(identity)) == told(lambda: store.get(identity))  # noqa: B023
        assert reader.events(identity) == store.events(identity)
        assert reader.events(identity, after=1) == store.events(identity, after=1)
    ids = [one.id for one in every]
    assert reader.live_views([*ids, "unknown"]) == store.live_views([*ids, "unknown"])
    for moment in (0.0, store.clock.now(), 1e12):
        assert reader.frozen(*PLACE, moment) == store.frozen(*PLACE, moment)
    assert reader.untold() == store.untold()
    assert reader.unsigned() == store.unsigned()


def assert_the_same_at_once(store: Store) -> None:
    now = store.clock.now()
    read = AtOnce(store, now, LEFT_OUT)
    for place in (PLACE, ("shop", "nowhere")):
        newest = store.newest(*place)
        assert read.newest(*place) == newest
        assert read.queued(*place) == store.queued(*place)
        assert read.serving(*place) == store.serving(*place)
        assert read.home(store.directory, *place) == store.home(store.directory, *place)
        assert read.frozen(*place, now) == store.frozen(*place, now)
        assert read.tracks(*place) == store.tracks(*place)
        if newest:
            assert read.live_views([newest.id]) == store.live_views([newest.id])
            assert read.told(newest.id, LEFT_OUT) == store.told(newest.id, LEFT_OUT)
            assert read.setback(newest.id) == store.setback(newest.id)
    assert read.untold() == store.untold()
    assert read.unsigned() == store.unsigned()


def test_what_is_read_of_all_places_at_once_is_what_the_store_answers(store: Store) -> None:
    assert_the_same_at_once(store)
    now = datetime.fromtimestamp(store.clock.now(), UTC)
    store.freezes.declare(*PLACE, Freeze("now", now - timedelta(hours=1), now + timedelta(hours=1)), "ada", "holiday")
    newest = store.newest(*PLACE)
    assert newest
    said = "INSERT INTO events VALUES ('{0}', {1}, 1.0, '{2}', '{3}', '{{}}', '', '')"
    spoilt(
        store,
        "UPDATE environments SET serving = NULL, home = 'far', home_name = 'host-b in /srv'",
        "DELETE FROM leases",
        said.format(newest.id, 901, LEFT_OUT, "without: smoke"),
        said.format(newest.id, 902, "records-went-back", "older records"),
    )
    assert store.setback(newest.id) == "older records"
    assert_the_same_at_once(store)
    spoilt(store, said.format(newest.id, 903, "records-accepted", "accepted"))
    assert_the_same_at_once(store)


def test_the_reader_answers_what_the_store_answers(store: Store) -> None:
    assert_the_same(store)
    assert len(store.history(*PLACE)) >= 3


def test_also_where_records_are_spoilt_messages_stuck_heads_unsigned_and_nobody_kept_what_serves(store: Store) -> None:
    of_2 = "(SELECT id FROM rollout WHERE version = '2.0')"
    letter = ("INSERT INTO outbox (key, channel, section, service, environment, thread, message, state, due, attempts,"
              " claimed_until, created_at, error)"
              " VALUES ('{0}', '{1}', '{{}}', 'shop', 'production', 't', '{{}}', '{2}', 0, 1, 0, 0, {3})")  # fmt: skip
    head = ("INSERT INTO heads (service, environment, rollout, kind, events, head, place, at, anchored, open, error)"
            " VALUES ('shop', 'production', 'r', 'ended', 1, 'h', 'p', 0, '[]', 1, '{}')")  # fmt: skip
    spoilt(
        store,
        "UPDATE environments SET serving = NULL",
        f"UPDATE rollout SET state = '{{', part = '{{\"release\": 7}}' WHERE id = {of_2}",
        f"UPDATE plans SET body = 'torn' WHERE hash = (SELECT plan_hash FROM rollout WHERE id = {of_2})",
        f"DELETE FROM live_views WHERE rollout = {of_2}",
        letter.format("a", "chat", "waiting", "'first'"),
        letter.format("b", "chat", "dead", "'refused'"),
        letter.format("c", "mail", "sent", "NULL"),
        letter.format("d", "page", "waiting", "NULL"),
        head.format("no key"),
        head.format("no anchor"),
    )
    assert_the_same(store)
    assert of(store.directory).untold() == (("chat", 2, "refused"),)
    assert of(store.directory).unsigned()[1] == "no anchor"


def test_it_knows_where_an_environment_is_at_home(store: Store, tmp_path: Path) -> None:
    asked = (tmp_path, *PLACE)
    spoilt(store, "UPDATE environments SET home = NULL", "DELETE FROM leases")
    assert of(tmp_path).home(*asked) is store.home(*asked) is None
    spoilt(store, "UPDATE environments SET home = 'far', home_name = 'host-b in /srv'")
    assert of(tmp_path).home(*asked) == store.home(*asked)
    spoilt(store, "INSERT INTO leases (target, holder, token, expires_at) VALUES ('shop/production', 'h', 1, 1000.0)")
    mine, theirs = of(tmp_path).home(*asked), store.home(*asked)
    assert mine
    assert mine.heard
    assert theirs
    assert theirs.heard
    assert (mine.place, mine.is_here, round(mine.heard / 100)) == (theirs.place, False, round(theirs.heard / 100))


def test_it_writes_nothing(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        of(store.directory)._connection.execute("DELETE FROM events")


def test_it_waits_for_no_writer_and_sees_what_is_committed_afterwards(store: Store) -> None:
    reader = of(store.directory)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rollout SET reason = 'seen'")
        assert {one.reason for one in reader.history("shop")} != {"seen"}
    assert {one.reason for one in reader.history("shop")} == {"seen"}


def test_a_store_that_it_does_not_know_is_left_to_the_whole_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file yet, one that is no database, one of an earlier and one of a later revision, and PostgreSQL."""
    file = tmp_path / "pilotage.sqlite"
    assert reader_of(tmp_path) is None
    assert not file.exists()
    file.write_text("no database, whatever its name says")
    assert reader_of(tmp_path) is None
    file.unlink()
    Store(tmp_path).close()
    with monkeypatch.context() as away:
        away.setenv("PILOTAGE_DATABASE", "postgresql+psycopg://host/pilotage")
        assert reader_of(tmp_path) is None
    for number in ("0007_earlier", "9999"):
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (number,))
        assert reader_of(tmp_path) is None
    file.write_bytes(gzip.decompress(STORES[0].read_bytes()))
    assert reader_of(tmp_path) is None


def test_data_of_events_is_plain_json(store: Store) -> None:
    first = of(store.directory).events(store.history(*PLACE)[-1].id)[0]
    assert json.loads(json.dumps(vars(first))) == vars(first)


def test_a_torn_file_is_told_as_the_store_tells_it(store: Store) -> None:
    """Its header and revision can be read, its rollouts cannot: exit status 9, with what to do about it."""
    file = store.directory / "pilotage.sqlite"
    store.close()
    connection = sqlite3.connect(file)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'rollout'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with file.open("r+b") as torn:
        torn.seek((root - 1) * size)
        torn.write(b"\x77" * size)
    said = []
    for asked in (of(store.directory), Store(store.directory)):
        with pytest.raises(Exception, match="malformed") as raised:
            asked.history("shop")
        said.append(exit_status(raised.value))
    assert said[0] == said[1]
    assert said[0][0] == 9


def test_only_this_user_reads_the_file_afterwards(store: Store) -> None:
    file = store.directory / "pilotage.sqlite"
    file.chmod(0o644)
    of(store.directory)
    assert file.stat().st_mode & 0o777 == 0o600


def test_freezes_that_hold_are_read_and_those_that_are_lifted_or_over_are_not(store: Store) -> None:
    now = datetime.fromtimestamp(store.clock.now(), UTC)
    for name, begins, hours in (("now", 0, 4), ("over", -9, 1), ("lifted", 0, 9), ("later", 5, 6)):
        freeze = Freeze(name, now + timedelta(hours=begins), now + timedelta(hours=begins + hours))
        store.freezes.declare(*PLACE, freeze, "ada", "holiday")
    store.freezes.lift(*PLACE, "lifted", "ada")
    at = now.timestamp() + 60
    ends = (now + timedelta(hours=4)).timestamp()
    assert of(store.directory).frozen(*PLACE, at) == store.frozen(*PLACE, at) == (("now", ends, "ada: holiday"),)
