"""A Redis that holds a service's cache: read by a URL that is a secret, and never written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pilotage.adapters.extras import installing
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import concealed

if TYPE_CHECKING:
    from redis import Redis

_AT_ONCE = 500
"""Keys that one round trip asks for."""
_TOLD = 300


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What a server counts, since it started. limit: bytes of memory, 0 for none · run: names this run of it."""

    run: str
    hits: int
    misses: int
    evicted: int
    limit: int
    policy: str


class RedisCache:
    """One database of one server."""

    def __init__(self, url: str, timeout: float) -> None:
        """timeout: seconds of a connection and of each answer. Raises AdapterError, which shows nothing of the URL but
        host, port and database."""
        if find_spec("redis") is None:
            raise AdapterError(f"warming a Redis cache needs its client: {installing('redis')}")
        import redis

        parts = urlsplit(url)
        self._secret = unquote(parts.password or "")
        try:
            self._client: Redis = redis.Redis.from_url(
                url, socket_timeout=timeout, socket_connect_timeout=min(5.0, timeout), client_name="pilotage"
            )
            given = self._client.connection_pool.connection_kwargs
        except (ValueError, redis.RedisError):
            raise AdapterError("the URL of the cache is none of redis://, rediss:// or unix://") from None
        self.database = int(given.get("db") or 0)
        place = given.get("path") or f"{given.get('host', 'localhost')}:{given.get('port', 6379)}"
        self.called = f"{place}/{self.database}"
        self._user = given.get("username") or "default"

    def counters(self) -> Counters:
        """Raises AdapterError where Redis is away, refuses, or does not answer in time."""
        with self._answers():
            said = {**self._client.info("server"), **self._client.info("stats"), **self._client.info("memory")}
            return Counters(
                run=str(said.get("run_id", "")), hits=int(said.get("keyspace_hits", 0)),
                misses=int(said.get("keyspace_misses", 0)), evicted=int(said.get("evicted_keys", 0)),
                limit=int(said.get("maxmemory", 0)), policy=str(said.get("maxmemory_policy", "")),
            )  # fmt: skip

    def present(self, keys: Sequence[str]) -> int:
        """How many of the keys are there. Raises AdapterError."""
        found = 0
        for batch in _batches(keys):
            with self._answers():
                pipe = self._client.pipeline(transaction=False)
                for key in batch:
                    pipe.exists(key)
                found += sum(int(one) for one in pipe.execute())
        return found

    def close(self) -> None:
        with suppress(Exception):
            self._client.close()

    @contextmanager
    def _answers(self) -> Iterator[None]:
        import redis

        try:
            yield
        except redis.exceptions.NoPermissionError as error:
            cure = f"ACL SETUSER {self._user} +info +exists ~*"
            raise AdapterError(f"{self.called} refused {self._user}: {self._words(error)}; run {cure}") from None
        except redis.exceptions.AuthenticationError as error:
            raise AdapterError(f"{self.called} refused the password of {self._user}: {self._words(error)}") from None
        except redis.exceptions.TimeoutError:
            raise AdapterError(f"{self.called} did not answer in time") from None
        except (redis.RedisError, OSError, ValueError, TypeError, OverflowError) as error:
            raise AdapterError(f"{self.called} cannot be read: {self._words(error)}") from None

    def _words(self, error: Exception) -> str:
        return concealed(" ".join(str(error).split())[:_TOLD], [self._secret] if self._secret else [])


def _batches(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))
