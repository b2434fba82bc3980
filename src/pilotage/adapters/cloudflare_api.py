"""Cloudflare's API as far as Pilotage needs it: one load balancer of a zone, and the pools of its account.

Answers have an envelope: `success`, `errors` with codes, `result`. What the token may not do is named with the
permission that allows it. When Cloudflare throttles the token, reading waits until it says, without asking: a blocked
token answers nothing. Writing asks all the same, because traffic may have to leave a harmful version.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from pilotage.adapters.http import Answer, exchange, json_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret
from pilotage.model.json import Json, JsonList, JsonObject, WrongJson, find, list_at, object_at

API: Final = "https://api.cloudflare.com/client/v4"
POOLS_SCOPE: Final = "Account > Load Balancing: Monitors and Pools > Edit"
BALANCERS_SCOPE: Final = "Zone > Load Balancers > Edit"
_CALL = 4.0
"""Seconds for one answer."""
_ALL = 8.0
"""Seconds for the calls of one operation."""
_MOST = 8 << 20
"""Bytes of an answer: a thousand pools are some megabytes."""
_PAGES = 20
_THROTTLED, _MISSING, _REFERENCED, _FORBIDDEN = 429, 404, 412, (401, 403)
_LONGEST_HOLD = 300.0
"""Seconds: Cloudflare blocks a token for at most five minutes."""


class Missing(AdapterError):
    """Cloudflare has no such object."""

    code = "cloudflare-missing"


class Referenced(AdapterError):
    """A pool cannot be deleted while a load balancer names it."""


class Throttled(AdapterError):
    """The token made too many calls. The message says when the next one is allowed."""

    code = "cloudflare-throttled"


@dataclass(kw_only=True)
class Hold:
    """Until when reading waits, on the monotonic clock."""

    until: float = 0.0


@dataclass(frozen=True, kw_only=True)
class CloudflareApi:
    """base: such as `https://api.cloudflare.com/client/v4` · token: read at each call, never kept · account, zone: ids
    · until: when the calls of this operation end, on the monotonic clock; 0 for each call on its own."""

    base: str
    token: Callable[[], Secret]
    account: str
    zone: str
    hold: Hold = field(default_factory=Hold)
    until: float = 0.0

    def begun(self, seconds: float = _ALL) -> CloudflareApi:
        """For the calls of one operation, which end together."""
        return CloudflareApi(
            base=self.base,
            token=self.token,
            account=self.account,
            zone=self.zone,
            hold=self.hold,
            until=time.monotonic() + seconds,
        )

    def balancer(self, name: str, *, urgent: bool = False) -> JsonObject:
        """The load balancer of this hostname. urgent: also while the token is throttled. Raises Missing."""
        found = self._list(f"zones/{self.zone}/load_balancers", BALANCERS_SCOPE, urgent=urgent)
        mine = next((one for one in found if find(one, "name") == name), None)
        if mine is None:
            raise Missing(f"zone {self.zone} has no load balancer {name}: create it in Cloudflare first")
        return object_at(mine)

    def change_balancer(self, identity: str, content: JsonObject) -> JsonObject:
        """Set these properties, and no other. Returns the whole load balancer."""
        path = f"zones/{self.zone}/load_balancers/{quote(identity, safe='')}"
        return object_at(self._ask("PATCH", path, BALANCERS_SCOPE, content))

    def pools(self, *, urgent: bool = False) -> tuple[JsonObject, ...]:
        """Every pool of the account."""
        return tuple(map(object_at, self._list(self._pools, POOLS_SCOPE, urgent=urgent)))

    def create_pool(self, content: JsonObject) -> JsonObject:
        return object_at(self._ask("POST", self._pools, POOLS_SCOPE, content))

    def change_pool(self, identity: str, content: JsonObject) -> JsonObject:
        return object_at(self._ask("PATCH", f"{self._pools}/{quote(identity, safe='')}", POOLS_SCOPE, content))

    def delete_pool(self, identity: str) -> None:
        """Raises Missing, Referenced."""
        self._ask("DELETE", f"{self._pools}/{quote(identity, safe='')}", POOLS_SCOPE)

    def health(self, pool: str) -> JsonObject:
        """What Cloudflare's data centers found, by region; empty before the first check."""
        found = self._ask("GET", f"{self._pools}/{quote(pool, safe='')}/health", POOLS_SCOPE)
        regions = find(found, "pop_health")
        if not isinstance(regions, Mapping):
            return {}
        # The schema shows one region without its name.
        return {"": regions} if isinstance(find(regions, "healthy"), bool) else regions

    def verify(self) -> str:
        """The token's status: `active`, `disabled` or `expired`. Tokens of a user and of an account have a route
        each."""
        try:
            found = self._ask("GET", "user/tokens/verify", "")
        except AdapterError:
            found = self._ask("GET", f"accounts/{self.account}/tokens/verify", "")
        return str(find(found, "status"))

    @property
    def _pools(self) -> str:
        return f"accounts/{self.account}/load_balancers/pools"

    def _list(self, path: str, scope: str, *, urgent: bool) -> JsonList:
        """Every page of a list. Today these lists come as one."""
        whole: list[Json] = []
        for page in range(1, _PAGES + 1):
            target = path if page == 1 else f"{path}?page={page}"
            answered = self._envelope("GET", target, scope, urgent=urgent)
            try:
                whole += list_at(answered, "result") if find(answered, "result") is not None else []
            except WrongJson as error:
                raise AdapterError(f"Cloudflare answered GET {path} with something unexpected: {error}") from error
            pages = find(answered, "result_info", "total_pages")
            if not isinstance(pages, int) or page >= pages:
                break
        return whole

    def _ask(self, method: str, path: str, scope: str, content: JsonObject | None = None) -> Json:
        return find(self._envelope(method, path, scope, content), "result")

    def _envelope(
        self, method: str, path: str, scope: str, content: JsonObject | None = None, *, urgent: bool = False
    ) -> Json:
        what = f"{method} {path.partition('?')[0]}"
        now = time.monotonic()
        if method == "GET" and not urgent and now < self.hold.until:
            raise Throttled(f"Cloudflare throttles this token for another {self.hold.until - now:.0f} s")
        timeout = min(_CALL, self.until - now) if self.until else _CALL
        if timeout <= 0:
            raise AdapterError(f"Cloudflare did not answer within {_ALL:g} s: {what} was not sent")
        headers = {"Authorization": f"Bearer {self.token().reveal()}", "Accept": "application/json"}
        body = b"" if content is None else json.dumps(content).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        answer = exchange(method, f"{self.base}/{path}", timeout, headers, body, most=_MOST)
        if answer.status == 200:
            return json_of(answer.body, f"Cloudflare ({what})")
        raise self._refused(what, scope, answer)

    def _refused(self, what: str, scope: str, answer: Answer) -> AdapterError:
        said = _said(answer.body)
        if answer.status == _THROTTLED:
            seconds = _seconds(answer.headers)
            self.hold.until = time.monotonic() + seconds
            return Throttled(f"Cloudflare throttles this token for {seconds:.0f} s ({what})")
        if answer.status in _FORBIDDEN and scope:
            return AdapterError(
                f"Cloudflare refused {what} ({answer.status}: {said}): the token is not valid, or lacks the permission "
                f"{scope}"
            )
        kind = {_MISSING: Missing, _REFERENCED: Referenced}.get(answer.status, AdapterError)
        return kind(f"Cloudflare answered {what} with {answer.status}: {said}")


def _said(body: bytes) -> str:
    """What the errors of an answer say, as one line of foreign text."""
    try:
        errors = list_at(json.loads(body), "errors")
        text = "; ".join(f"{find(error, 'message')} (code {find(error, 'code')})" for error in errors)
    except (ValueError, RecursionError):
        text = body[:400].decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in text).strip()[:300] or "no reason given"


def _seconds(headers: Mapping[str, str]) -> float:
    """How long a throttled token waits: `retry-after`, else the `t` of `ratelimit: "default";r=0;t=30`."""
    told = headers.get("retry-after", "")
    if not told:
        told = next((p[2:] for p in headers.get("ratelimit", "").split(";") if p.strip().startswith("t=")), "")
    try:
        return min(_LONGEST_HOLD, max(1.0, float(told)))
    except ValueError:
        return 60.0
