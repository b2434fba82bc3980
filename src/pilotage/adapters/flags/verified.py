"""A flag that counts as changed once services answer by it: evaluated for a fixed cohort over OFREP, whatever the
provider.

A step waits until the evaluation agrees with what the provider reports. Turning the flag off waits for nothing here: a
server that evaluates and is down must not keep anybody from taking a feature back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pilotage.adapters import http
from pilotage.adapters.context import Context
from pilotage.adapters.flags.cohort import cohort
from pilotage.adapters.ports import AdapterError, Flags
from pilotage.adapters.secrets import Secret
from pilotage.config.flag_verification import FlagVerification
from pilotage.config.kinds import FlagSection
from pilotage.model.finding import Finding
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import Json, find
from pilotage.model.sampling import TIMES, possible, usual
from pilotage.model.segment import Condition, Operator, Segment
from pilotage.model.traffic import WHOLE, percent

_USERS = 200
_BUDGET = 3.0
"""Seconds for one evaluation of all users."""
_AT_ONCE = 8
_MOST = 64 << 10
_TESTER = "pilotage-test-user"


class Services:
    """The server that answers as services do."""

    def __init__(self, key: str, verify: FlagVerification, secrets: Callable[[str], Secret]) -> None:
        self._key, self._verify, self._secrets = key, verify, secrets

    def answers(self, contexts: Sequence[Mapping[str, Json]]) -> list[bool]:
        """Whether the flag is on for each. Raises AdapterError."""
        until = time.monotonic() + _BUDGET
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda context: self._answer(context, until), contexts))

    def _answer(self, context: Mapping[str, Json], until: float) -> bool:
        verify, key = self._verify, self._key
        url = f"{verify.ofrep.rstrip('/')}/ofrep/v1/evaluate/flags/{key}"
        headers = {"Content-Type": "application/json"}
        if verify.token:
            headers["Authorization"] = f"Bearer {self._secrets(verify.token).reveal()}"
        left = until - time.monotonic()
        if left <= 0:
            raise AdapterError(f"{url} does not answer {_USERS} evaluations within {_BUDGET:g} s")
        body = json.dumps({"context": context}).encode()
        answer = http.exchange("POST", url, left, headers, body, most=_MOST)
        if answer.status in (401, 403):
            raise AdapterError(f"{url} refused the token {verify.token or '(none)'} ({answer.status})")
        if answer.status != 200:
            raise AdapterError(f"{url} answered {answer.status}{_code(answer.body)}")
        value = find(http.json_of(answer.body, url), "value")
        if not isinstance(value, bool):
            raise AdapterError(f"{url} answered with a value that is neither true nor false")
        return value

    def examined(self) -> Finding:
        """Whether it answers for a test user, for `pilotage doctor`."""
        try:
            self.answers([{"targetingKey": _TESTER}])
        except AdapterError as error:
            return Finding("FAIL", "flag", str(error))
        return Finding("PASS", "flag", f"{self._verify.ofrep} evaluates flag {self._key}")


class VerifiedFlags:
    """The Flags port: that of a provider, and what services answer."""

    def __init__(self, flags: Flags, section: FlagSection, verify: FlagVerification, context: Context) -> None:
        self._flags, self._section, self._verify = flags, section, verify
        self._services = Services(section.key, verify, context.secrets)
        self._shown: Ramp | None = None
        """What was confirmed last, and who of the cohort had it."""
        self._members = frozenset[int]()
        self._further = Further()
        self._since: tuple[Ramp, float] | None = None
        """Since when services should answer by a ramp."""

    def read(self) -> Ramp:
        ramp = self._flags.read()
        if ramp in (OFF, self._shown):
            self._shown, self._since = ramp, None
            self._members = frozenset() if ramp == OFF else self._members
            return ramp
        if self._since is None or self._since[0] != ramp:
            self._since = (ramp, time.monotonic())
        if not (wrong := self._wrong(ramp)):
            self._shown, self._since = ramp, None
            return ramp
        if self._shown is not None and time.monotonic() < self._since[1] + self._verify.within:
            return self._shown
        raise AdapterError(wrong)

    def apply(self, ramp: Ramp) -> None:
        self._flags.apply(ramp)

    def rehearse(self) -> None:
        """Also, services answer something for a test user."""
        self._flags.rehearse()
        self._services.answers([{"targetingKey": _TESTER}])

    def _wrong(self, ramp: Ramp) -> str:
        """How services' answers differ from the ramp; empty if they do not."""
        groups = {name: example for name in ramp.groups if (example := example_of(self._section.segment_of(name)))}
        asked: list[Mapping[str, Json]] = [{"targetingKey": key} for key in cohort(range(_USERS))]
        asked += [{"targetingKey": _TESTER, **example} for example in groups.values()]
        try:
            answers = self._services.answers(asked)
        except AdapterError as error:
            return str(error)
        where = f"flag {self._section.key}: {self._verify.ofrep} answers"
        without = [name for name, has in zip(groups, answers[_USERS:], strict=True) if not has]
        if without:
            return f"{where} that the flag is off for group {without[0]}"
        members = frozenset(number for number, has in enumerate(answers[:_USERS]) if has)
        if not usual(len(members), _USERS, ramp.share / WHOLE):
            try:
                fits = self._further.fits(len(members), ramp, self._services)
            except AdapterError as error:
                return str(error)
            if not fits:
                return f"{where} that it is on for {len(members)} of {_USERS} users, not for {percent(ramp.share):g} %"
        grows = self._shown is not None and ramp.share >= self._shown.share
        if grows and (lost := self._members - members):
            return f"{where} that it is off for {len(lost)} of {_USERS} users who had it at a smaller share"
        self._members = members
        return ""


class Further:
    """Ten times as many users, where the first are off by a share that may be chance: a slice of them at each look,
    since a server answers no more of them in time."""

    def __init__(self) -> None:
        self._ramp = OFF
        self._on: dict[int, int] = {}
        """By slice, the one that was asked longest ago first."""

    def fits(self, first: int, ramp: Ramp, services: Services) -> bool:
        """Whether the share may be right, now that one more slice was asked. first: how many of the first users have
        the flag. Raises AdapterError."""
        if ramp != self._ramp:
            self._ramp, self._on = ramp, {}
        if ramp.share in (0, WHOLE):
            return False
        number = next((one for one in range(1, TIMES) if one not in self._on), 0) or next(iter(self._on))
        keys = cohort(range(number * _USERS, (number + 1) * _USERS))
        self._on.pop(number, None)
        self._on[number] = sum(services.answers([{"targetingKey": key} for key in keys]))
        whole = first + sum(self._on.values())
        return len(self._on) == TIMES - 1 and possible(whole, TIMES * _USERS, ramp.share / WHOLE)


def example_of(segment: Segment) -> dict[str, Json]:
    """A context of somebody in the segment; empty if none is easily made."""
    made = {one.attribute: _value(one) for one in segment.conditions}
    return made if segment.holds({name: value for name, value in made.items() if value is not None}) else {}


def _value(condition: Condition) -> Json:
    first = condition.values[0]
    match condition.operator:
        case Operator.NOT_IN:
            return f"not-{first}"
        case Operator.AT_LEAST:
            return float(first)
        case Operator.LESS_THAN:
            return float(first) - 1
        case Operator.VERSION_LESS_THAN:
            return "0.0.0"
    return first


def _code(body: bytes) -> str:
    try:
        code = find(json.loads(body), "errorCode")
    except (ValueError, RecursionError):
        return ""
    return f" ({code})" if isinstance(code, str) and code.isidentifier() else ""
