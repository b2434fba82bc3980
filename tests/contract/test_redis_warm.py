"""R12, R31: the new version's cache is warm before it serves, measured at a real Redis that a service fills."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from pilotage.adapters.caches.task import REDIS, STABLE, Release, WarmTask, perform
from pilotage.adapters.ports import AdapterError
from tests.redis_servers import PASSWORD, RedisServer, reading_through, redis_server

pytestmark = pytest.mark.xdist_group("redis")
WARM = {"http": "/products/{key}", "stored_as": "product:{key}", "at_least": 0.9}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> None:
    server.client.config_set("maxmemory", 0)
    server.client.flushall()


def warm(
    place: Path, keys: object, secrets: dict[str, str], instances: str = "", timeout: float = 30, **more: object
) -> str:
    if isinstance(keys, int):
        (place / "keys.txt").write_text("\n".join(map(str, range(keys))))
        keys = "keys.txt"
    facts = {"version": "1.1.0", "stable_version": "1.0.0", "instances": instances}
    task = WarmTask(keys=keys, **{**WARM, **more})  # type: ignore[arg-type]  # as the configuration has it
    return perform(task, secrets, Release(facts=facts, environment={}, cwd=str(place), timeout=timeout))


def refusal(*arguments: object, **more: object) -> str:
    with pytest.raises(AdapterError) as refused:
        warm(*arguments, **more)  # type: ignore[arg-type]  # handed on
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


def test_r12_the_new_instances_fill_their_cache_and_the_second_round_hits(server: RedisServer, tmp_path: Path) -> None:
    with reading_through(server.url()) as one, reading_through(server.url()) as two:
        said = warm(tmp_path, 200, {REDIS: server.url()}, f"{one},{two}")
    assert server.client.dbsize() == 200
    assert f"127.0.0.1:{server.port}/0 holds 200 of 200 keys (100%), filled through 2 instances" in said
    assert "100% of 200 reads hit" in said


def test_r12_keys_come_from_a_command_and_what_is_missing_fails_the_check(server: RedisServer, tmp_path: Path) -> None:
    printed = (sys.executable, "-c", "print('a b\\nc/d\\ngone\\ngone')")
    with reading_through(server.url()) as one:
        assert "holds 2 of 3 keys (66.6%)" in warm(tmp_path, printed, {REDIS: server.url()}, one, at_least=0.5)
        said = refusal(tmp_path, printed, {REDIS: server.url()}, one)
    assert "90% must be there" in said
    assert "/products/gone returned 404" in said
    assert server.client.exists("product:a b", "product:c/d") == 2
    assert "exited with 3" in refusal(tmp_path, (sys.executable, "-c", "raise SystemExit(3)"), {REDIS: server.url()})
    assert "timed out after 0.2 s" in refusal(tmp_path, ("sleep", "60"), {REDIS: server.url()}, timeout=0.2)


def test_r12_blue_and_green_are_told_apart_by_database_or_by_the_version_in_their_keys(
    server: RedisServer, tmp_path: Path
) -> None:
    blue, green = server.url(), server.url(1)
    with reading_through(green) as one:
        assert "both versions use" in refusal(tmp_path, 5, {REDIS: blue, STABLE: blue}, one)
        assert "/1 holds 5 of 5" in warm(tmp_path, 5, {REDIS: green, STABLE: blue}, one)
    assert server.client.dbsize() == 0, "blue stays as it was"
    with reading_through(blue, "1.1.0:product:") as one:
        said = warm(tmp_path, 5, {REDIS: blue, STABLE: blue}, one, stored_as="{version}:product:{key}")
    assert "holds 5 of 5" in said
    assert "reads hit" not in said, "the counters are of both versions"


def test_r12_a_version_that_reads_other_keys_than_it_was_warmed_with_has_a_low_hit_rate(
    server: RedisServer, tmp_path: Path
) -> None:
    server.client.mset({f"product:{key}": "left by a version before" for key in range(10)})
    with reading_through(server.url(), "v2:product:", fills=False) as one:
        said = refusal(tmp_path, 10, {REDIS: server.url()}, one)
    assert "0% of 10 reads hit" in said
    with reading_through(server.url(), "v2:product:") as one:
        said = refusal(tmp_path, 10, {REDIS: server.url()}, one, stored_as="v3:{key}")
    assert "holds 0 of 10 keys (0%)" in said
    assert "check stored_as" in said
    server.client.mset({f"product:{key}": 1 for key in range(10)})
    with reading_through(server.url()) as one:
        said = refusal(tmp_path, 10, {REDIS: server.url()}, one, http="/products/gone?{key}")
    assert "the new version uses another cache" in said


def test_r31_eviction_while_warming_is_named(server: RedisServer, tmp_path: Path) -> None:
    used = int(server.client.info("memory")["used_memory"])
    server.client.config_set("maxmemory-policy", "allkeys-random")
    server.client.config_set("maxmemory", used + 2_000_000)
    with reading_through(server.url(), value=b"x" * 100_000) as one:
        said = refusal(tmp_path, 60, {REDIS: server.url()}, one)
    assert "Redis evicted" in said
    assert "(allkeys-random)" in said


def test_r31_redis_away_a_wrong_password_a_missing_privilege_and_too_many_keys(
    server: RedisServer, tmp_path: Path
) -> None:
    assert "127.0.0.1:1/0 cannot be read" in refusal(tmp_path, 1, {REDIS: "redis://127.0.0.1:1"})
    said = refusal(tmp_path, 1, {REDIS: server.url(password="wrong-one")})
    assert "refused the password of default" in said
    assert "wrong-one" not in said
    server.client.acl_setuser("small", enabled=True, passwords=[f"+{PASSWORD}"], keys=["*"], commands=["+get"])
    said = refusal(tmp_path, 1, {REDIS: server.url(user="small")})
    assert "ACL SETUSER small +info +exists" in said
    assert "is none of redis://" in refusal(tmp_path, 1, {REDIS: "http://cache"})
    assert "100,001 keys, more than 100,000" in refusal(tmp_path, 100_001, {REDIS: server.url()})
    assert "keys.txt has no key" in refusal(tmp_path, 0, {REDIS: server.url()})


def test_r31_warming_that_is_too_slow_says_how_far_it_came(server: RedisServer, tmp_path: Path) -> None:
    with reading_through(server.url()) as one:
        said = refusal(tmp_path, 20_000, {REDIS: server.url()}, one, timeout=0.3)
    assert "warming did not end within 0.3 s" in said
    assert "of 20,000 keys were requested" in said


def test_r31_by_tls_and_only_with_its_authority(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    from pilotage.adapters.free_port import free_port

    port = free_port()
    files = ("--tls-cert-file", f"{tmp_path}/cert.pem", "--tls-key-file", f"{tmp_path}/key.pem")
    with redis_server(tmp_path, "--tls-port", str(port), *files, "--tls-auth-clients", "no") as server:
        server.client.set("product:0", 1)
        url = f"rediss://:{PASSWORD}@127.0.0.1:{port}/0"
        assert "holds 1 of 1" in warm(tmp_path, 1, {REDIS: f"{url}?ssl_ca_certs={tmp_path}/ca.pem"}, http=None)
        assert "certificate verify failed" in refusal(tmp_path, 1, {REDIS: url}, http=None)
