"""R34: the fault cases of the catalogue (C6) that a server can meet. Each has a test named after its number; the table
says where the others are proven."""

from __future__ import annotations

import ast
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pilotage.app import hooks
from pilotage.engine.records.at_work import Key
from pilotage.engine.records.once import LEASE, Found, Once
from pilotage.engine.records.signatures import signatures_of
from pilotage.model.rollout import CommandKind
from tests.web.site import CONFIG, Client, Got, Served, served, with_flag
from tests.web.test_hooks import HOOKS, PUBLISHED, SECRET, from_github, sent

pytestmark = pytest.mark.usefixtures("no_worker")

PLACE = "/api/v1/services/shop/environments/production"
HERE = Path(__file__).parents[1]

ELSEWHERE = {
    1: "chaos/test_chaos.py::test_killed_anywhere_it_ends_right",
    2: "chaos/test_two_workers.py::test_of_many_who_ask_at_once_one_gets_the_lease",
    3: "chaos/test_two_workers.py::test_a_worker_that_freezes_loses_its_lease_and_does_no_harm_when_it_thaws",
    4: "chaos/test_database_trouble.py::test_case_4_postgresql_restarts_under_way",
    5: "web/test_mechanics.py::test_c6_5_a_store_that_cannot_be_used_is_no_fault_of_the_client",
    6: "unit/rollout/test_canary.py::test_rule_1_a_weight_is_set_only_when_the_router_shows_it",
    7: "unit/adapters/test_several_routers.py::test_a_split_is_reached_when_all_show_it",
    12: "unit/rollout/test_flapping.py::test_a_source_that_fails_every_other_second_is_one_event_also_in_a_pause",
    18: "unit/adapters/hosts/test_ssh.py::test_a_command_whose_time_is_over_is_killed_there_with_its_children",
    25: "web/test_action_links.py::test_r34_a_link_of_an_answered_question_says_so_and_changes_nothing",
    27: "unit/adapters/test_outgoing.py::test_private_true_does_not_open_the_metadata_of_a_cloud",
    29: "web/test_hostile_texts.py::test_r34_no_text_of_a_stranger_becomes_markup",
    35: "web/test_once.py::test_c6_35_killed_at_any_point_a_command_is_given_once",
    36: "web/test_mechanics.py::test_c6_36_a_command_about_what_has_changed_does_nothing_and_shows_the_present",
    37: "web/test_matrix.py::test_c6_37_no_page_of_another_site_changes_anything",
}  # fmt: skip
"""Where a case is proven that this file has no test of."""

NOT_OF_A_SERVER = {
    8, 9, 10, 11, 13, 14, 15, 16, 19, 20, 28, 31, 32, 34,
}  # fmt: skip
"""Of routers, judges, adapters, channels, files: nothing that a server does differently from a shell."""


@pytest.fixture
def ada(server: Served) -> Client:
    server.person("ada", "admin")
    return server.with_token("ada", "admin")


def at_once(acts: Sequence[object]) -> list[Got]:
    """Each in a thread, begun together."""
    start = threading.Barrier(len(acts))

    def run(act: object) -> Got:
        start.wait(60)
        assert callable(act)
        got = act()
        assert isinstance(got, Got)
        return got

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_c6_every_case_of_1_to_37_is_proven_somewhere() -> None:
    mine = {int(name.split("_")[2]) for name in globals() if name.startswith("test_c6_") and name[8].isdigit()}
    assert mine | set(ELSEWHERE) | NOT_OF_A_SERVER == set(range(1, 38))
    assert NOT_OF_A_SERVER & (mine | set(ELSEWHERE)) == set()
    for where in ELSEWHERE.values():
        path, _, name = where.partition("::")
        defined = ast.walk(ast.parse((HERE / path).read_text()))
        assert any(isinstance(one, ast.FunctionDef) and one.name == name for one in defined), where


# ── clocks ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_c6_17_a_clock_that_jumps_does_nothing_twice(jump: float, server: Served) -> None:
    once, key, now = Once(server.store.engine, "here"), Key(who="person:ada", text="a1"), time.time()
    assert once.begin(key, "hash", now, repeatable=True).found is Found.FRESH
    assert once.begin(key, "hash", now + jump, repeatable=True).found is Found.RUNNING
    once.ended(key)
    assert once.begin(key, "hash", now + LEASE + 1, repeatable=True).found is Found.FRESH


def test_c6_17_a_clock_that_went_back_shows_nothing_old(server: Served, ada: Client) -> None:
    server.rollout()
    assert len(ada.get("/api/v1/rollouts").json["rollouts"]) == 1
    clock = server.store.clock
    server.store.clock = _Shifted(clock, -3600.0)
    try:
        server.rollout("search")
        assert len(ada.get("/api/v1/rollouts").json["rollouts"]) == 2
        declared = ada.post(f"{PLACE}/freezes", {"name": "launch", "seconds": 60, "reason": "marketing"})
        assert declared.status == 201
        assert [one["name"] for one in ada.get(f"{PLACE}/freezes").json["freezes"]] == ["launch"]
    finally:
        server.store.clock = clock


class _Shifted:
    """A clock that somebody has put to another time."""

    def __init__(self, clock: object, by: float) -> None:
        self._clock, self._by = clock, by

    def now(self) -> float:
        return float(self._clock.now()) + self._by  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._clock, name)


# ── people at once ─────────────────────────────────────────────────────────────────────────────────────────


def test_c6_21_two_who_abort_at_once_are_both_recorded(server: Served, ada: Client) -> None:
    rollout = server.rollout()
    server.person("bob", "deployer")
    bob = server.with_token("bob", "deployer")
    where = f"/api/v1/rollouts/{rollout.id}/abort"
    got = at_once([lambda: ada.post(where, {"reason": "a"}), lambda: bob.post(where, {"reason": "b"})])
    assert [one.status for one in got] == [200, 200]
    given = server.store.pending(rollout.id)
    assert {(one.kind, one.actor) for one in given} == {(CommandKind.ABORT, "ada"), (CommandKind.ABORT, "bob")}


def test_c6_22_an_abort_is_taken_whatever_else_is_asked_at_once(server: Served, ada: Client) -> None:
    """Which of them counts, the worker decides in one order: `test_rule_7_abort_wins_over_a_promote_given_at_once`."""
    rollout = server.rollout()
    where = f"/api/v1/rollouts/{rollout.id}"
    seen = {"If-Match": ada.get(where).headers["etag"]}
    got = at_once([lambda: ada.post(f"{where}/promote", {}, **seen), lambda: ada.post(f"{where}/abort", {}, **seen)])
    assert [one.status for one in got] == [200, 200]
    with server.store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rollout SET status = 'rolling-back'")
    late = ada.post(f"{where}/promote", {}, **seen)
    assert (late.status, late.json["present"]["id"]) == (412, rollout.id)


# ── whose word counts ──────────────────────────────────────────────────────────────────────────────────────


def _gate(client: Client, item: str) -> str:
    gates = client.get(f"{PLACE}/readiness?version=2.5.0").json["gates"]
    return next(str(one["status"]) for one in gates if one["item"] == item)


def _open_item(client: Client) -> tuple[str, str]:
    """An item that is not ready, and its owner's role."""
    gates = client.get(f"{PLACE}/readiness?version=2.5.0").json["gates"]
    found = next(one for one in gates if one["status"] == "not-ready")
    return found["item"], found["owner"].lower().replace(" ", "-")


def _waiver(item: str, role: str) -> dict[str, object]:
    return {"version": "2.5.0", "role": role, "items": [item], "until": time.time() + 3600, "reason": "Friday"}


def test_c6_23_what_was_signed_for_another_plan_counts_no_longer(server: Served, ada: Client) -> None:
    ada = server.signed_in("ada")  # a sign-off is a person's word, and a token's is nobody's
    gates = ada.get(f"{PLACE}/readiness?version=2.5.0").json["gates"]
    found = next(one for one in gates if one["status"] == "not-ready" and "sign-off" in one["next_step"])
    item, role = found["item"], found["owner"].lower().replace(" ", "-")
    signed = ada.post(f"{PLACE}/sign-offs", {"version": "2.5.0", "role": role, "items": [item]})
    assert signed.json["items"] == [{"item": item, "done": True, "sentence": ""}], signed.text
    assert _gate(ada, item) == "ready"
    planned = ada.post(f"{PLACE}/plan", {"version": "2.5.0"}).json["plan_hash"]
    config = server.site.project.config
    config.write_text(config.read_text().replace("team_size: small", "team_size: large"))
    assert _gate(ada, item) == "not-ready"
    got = ada.post(f"{PLACE}/deploy", {"version": "2.5.0", "plan_hash": planned})
    assert (got.status, got.json["code"]) == (409, "other-plan")


def test_c6_24_nobody_approves_their_own_by_another_proof_and_nobody_without_the_role(server: Served) -> None:
    """The worker refuses the author, under whichever name the command has: see `test_approvals.py`."""
    rollout = server.rollout()  # dora's
    where = f"/api/v1/rollouts/{rollout.id}/approve"
    server.person("dora", "approver")
    token, other = server.with_token("dora", "approver"), server.with_token("dora", "approver@shop")
    browser = server.signed_in("dora")
    for client in (token, other, browser):
        client.post(where, {})
    # A token's word is nobody's, and in a browser it is the author's.
    assert [token.post(where, {}).status, other.post(where, {}).status] == [403, 403]
    assert [one.actor for one in server.store.pending(rollout.id)] == ["dora"]
    server.person("rita", "approver")
    rita, admin = server.signed_in("rita"), server.with_token(*_admin(server))
    before = len(server.store.pending(rollout.id))
    body = {"kind": "person", "holder": "rita", "grant": "approver"}
    assert admin.post("/api/v1/access/grants/revoke", body).json["changed"]
    assert rita.post(where, {}).status == 403
    assert len(server.store.pending(rollout.id)) == before


def _admin(server: Served) -> tuple[str, str]:
    server.person("root", "admin")
    return "root", "admin"


# ── webhooks ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Served, Served]]:
    """Two servers of one store."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setattr(hooks, "attend", lambda *_: None)
    (tmp_path / "2.5.0").mkdir()
    (tmp_path / "2.5.0" / "serve").write_text("#!/bin/sh\n")
    (tmp_path / "2.5.0" / "serve").chmod(0o755)
    with served(tmp_path, CONFIG + HOOKS) as first, served(tmp_path, CONFIG + HOOKS) as second:
        yield first, second


def test_c6_26_a_message_that_comes_to_two_servers_at_once_counts_once(two: tuple[Served, Served]) -> None:
    acts = [lambda one=one: sent(one, "github", PUBLISHED, from_github(PUBLISHED)) for one in (*two, *two)]
    got = at_once(acts)
    assert [one.status for one in got] == [202] * 4
    assert len([one for one in got if one.json.get("rollout")]) == 1
    assert len(two[0].store.history("shop")) == 1


def test_c6_26_what_is_no_message_starts_nothing(two: tuple[Served, Served]) -> None:
    server, large = two[0], b'{"a": "' + b"x" * 10_000_000 + b'"}'
    assert sent(server, "github", large, from_github(large)).status == 413
    assert sent(server, "github", b"\x00", from_github(b"\x00")).status == 400
    other = from_github(PUBLISHED, event="star")
    assert "ignored" in sent(server, "github", PUBLISHED, other).json["sentence"]
    assert server.store.history("shop") == ()


# ── what people write ──────────────────────────────────────────────────────────────────────────────────────

BROKEN = (
    "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "service: shop\nservice: shop\n", "a:\n\tb: 1\n",
    "a: !!python/object/apply:os.system ['true']\n", "[" * 2000, "\x00", "service: {",
)  # fmt: skip


def test_c6_30_while_the_configuration_is_broken_a_rollout_is_still_aborted(server: Served, ada: Client) -> None:
    rollout = server.rollout()
    for number, text in enumerate(BROKEN):
        server.site.project.config.write_text(text)
        got = ada.get(f"{PLACE}/freezes")
        assert got.status in (503, 404), (text, got.text)
        assert len(got.json["detail"]) < 2000
        assert ada.get("/readyz").status == 200
        assert ada.post(f"/api/v1/rollouts/{rollout.id}/abort", {}).status == 200, text
        assert len(server.store.pending(rollout.id)) == number + 1


def test_c6_33_no_secret_leaves_in_an_answer_of_an_error(
    server: Served, ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("postgresql://pilot:hunter2@db.example/shop said no")

    monkeypatch.setattr(server.site.store, "look_up", fails)
    for path in ("/api/v1/rollouts/01J", "/rollouts/01J", "/api/v1/rollouts/01J/events"):
        got = ada.get(path)
        assert got.status == 500
        assert "hunter2" not in got.text
    assert "hunter2" not in ada.get("/api/v1/audit").text


# ── what two change at once ────────────────────────────────────────────────────────────────────────────────


def test_c6_36_of_two_who_turn_the_same_flag_off_one_saw_what_was_no_longer_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pilotage.app import flags

    shown = {"share": 500}
    monkeypatch.setattr(flags, "read", lambda *_: ("new-checkout", _Ramp(shown["share"])))
    monkeypatch.setattr(flags, "kill", lambda *_: _off(shown))
    with served(tmp_path, with_flag(CONFIG)) as server:
        server.person("ada", "admin")
        ada = server.with_token("ada", "admin")
        seen = {"If-Match": ada.get(f"{PLACE}/flag").headers["etag"]}
        got = at_once([lambda: ada.post(f"{PLACE}/flag/kill", {}, **seen)] * 2)
        assert sorted(one.status for one in got) == [200, 412]
        assert ada.post(f"{PLACE}/flag/kill", {}).status == 200  # without a condition, it is always taken


class _Ramp:
    def __init__(self, share: int) -> None:
        self.share, self.groups = share, ()


def _off(shown: dict[str, int]) -> tuple[str, float]:
    time.sleep(0.05)
    shown["share"] = 0
    return "new-checkout", 0.05


def test_c6_36_of_two_who_change_the_same_roles_one_saw_what_was_no_longer_so(server: Served, ada: Client) -> None:
    server.person("bob")
    seen = {"If-Match": ada.get("/api/v1/access").headers["etag"]}
    grants = [{"kind": "person", "holder": "bob", "grant": one} for one in ("viewer", "deployer@shop")]
    where = "/api/v1/access/grants"
    got = at_once([lambda one=one: ada.post(where, one, **seen) for one in grants])
    assert sorted(one.status for one in got) == [200, 412]
    late = next(one for one in got if one.status == 412)
    held = [one["grant"] for one in late.json["present"]["grants"] if one["holder"] == "bob"]
    assert len(held) == 1  # the other one's, which it has now seen


def test_c6_36_of_two_who_waive_the_same_item_one_saw_what_was_no_longer_so(server: Served, ada: Client) -> None:
    item, role = _open_item(ada)
    assert ada.post(f"{PLACE}/waivers", _waiver(item, role)).status == 403  # a token's word is nobody's
    ada = server.signed_in("ada")
    seen = {"If-Match": ada.get(f"{PLACE}/readiness?version=2.5.0").headers["etag"]}
    got = at_once([lambda: ada.post(f"{PLACE}/waivers", _waiver(item, role), **seen)] * 2)
    assert sorted(one.status for one in got) == [200, 412]
    assert len(signatures_of(server.store.engine, "shop", "production", "2.5.0")) == 1
    assert ada.get(f"{PLACE}/readiness?version=2.5.0").headers["etag"] != seen["If-Match"]


def test_c6_36_of_two_servers_as_well(two: tuple[Served, Served]) -> None:
    first, _ = two
    first.person("ada", "admin")
    clients = [Client(one, token=first.with_token("ada", "admin").token) for one in two]
    seen = {"If-Match": clients[0].get(f"{PLACE}/freezes").headers["etag"]}
    body = {"name": "launch", "seconds": 3600, "reason": "marketing"}
    got = at_once([lambda one=one: one.post(f"{PLACE}/freezes", body, **seen) for one in clients])
    assert sorted(one.status for one in got) == [201, 412]
    assert len(clients[1].get(f"{PLACE}/freezes").json["freezes"]) == 1


# ── slow clients ───────────────────────────────────────────────────────────────────────────────────────────


def test_slow_clients_keep_nobody_out(server: Served, ada: Client) -> None:
    begun = (
        b"POST /api/v1/messages/retry HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n"
    )
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(100)]
    try:
        for number, one in enumerate(slow):
            one.sendall(begun if number % 2 else begun + b"\r\n{")
        for _ in range(5):
            assert ada.get("/api/v1/rollouts").status == 200
        assert json.loads(ada.post(f"{PLACE}/plan", {"version": "2.5.0"}).body)["plan_hash"]
    finally:
        for one in slow:
            one.close()
