"""The six ports over a program. What each call sends and expects is documented in docs/guides/adapters.md."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial

from pilotage.adapters.cohorts import members_of, refuse_cohort
from pilotage.adapters.command import wire
from pilotage.adapters.command.program import Program
from pilotage.adapters.context import Context
from pilotage.adapters.notifier import Delivery
from pilotage.adapters.ports import AdapterError, AwaitsApproval, Backends
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import Json, JsonObject, each, entries, find, list_at, number_at, object_at, whole_at
from pilotage.model.observation import Instance, Observation, Reading
from pilotage.model.segment import Segment, group
from pilotage.model.settling import settled
from pilotage.model.text import line
from pilotage.model.traffic import WHOLE, Split


class _Port:
    """What all have: the program, and what every call says of the target."""

    def __init__(self, port: str, program: Program, context: Context) -> None:
        self._program, self._fence = program, context.fence
        self._said = {"port": port, "service": context.service, "environment": context.environment}

    def _ask(self, call: str, **request: Json) -> JsonObject:
        """Something that changes nothing."""
        return self._program.call({**self._said, "call": call, **request})

    def _tell(self, call: str, **request: Json) -> JsonObject:
        """Something that may change the target."""
        self._fence.check()
        return self._program.call({**self._said, "call": call, "token": self._fence.token, **request})


class CommandRouter(_Port):
    """The Router port over a program. url: where users reach the service · endpoints: whether it reports instances ·
    cohort: the most members of one that it takes."""

    def __init__(self, program: Program, context: Context, *, url: str, endpoints: bool, cohort: int = 0) -> None:
        super().__init__("router", program, context)
        self._url, self._endpoints, self._cohort = url.rstrip("/"), endpoints, cohort

    def url(self) -> str:
        return self._url

    def apply(self, split: Split, backends: Backends) -> None:
        wanted = [] if split.closed else [version for version, _ in split.weights]
        wanted += [route.version for route in split.header_routes] + ([split.mirror.version] if split.mirror else [])
        if missing := [version for version in wanted if not backends.get(version)]:
            raise AdapterError(f"no instance of {missing[0]} to send requests to")
        if split.cohort and self._cohort:
            members_of(split.cohort, self._cohort)
        else:
            refuse_cohort(split, "the command")
        self._tell("apply", split=wire.split_out(split), backends=wire.backends_out(backends))

    def read(self) -> Split | None:
        return wire.understood(wire.split_in, self._ask("read").get("split"), "the router's split")

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]] | None:
        if not self._endpoints:
            return None
        return wire.understood(wire.endpoints_in, self._ask("endpoints").get("endpoints"), "the router's endpoints")

    def stop(self) -> None:
        self._tell("stop")


class CommandFleet(_Port):
    """The Fleet port over a program."""

    def __init__(self, program: Program, context: Context, *, health_path: str) -> None:
        super().__init__("fleet", program, context)
        self._health_path = health_path

    @property
    def health_path(self) -> str:
        return self._health_path

    def ensure(self, version: str, count: int) -> None:
        self._tell("ensure", version=version, count=count)

    def replace(self, version: str, instance: str) -> None:
        self._tell("replace", version=version, instance=instance)

    def log_tail(self, instance: str, lines: int = 3) -> tuple[str, ...]:
        found = self._ask("log_tail", instance=instance, lines=lines).get("lines", [])
        return tuple(
            line(self._program.without_secrets(str(one)), 200)
            for one in wire.understood(list_at, found, "a log")[-lines:]
        )

    def instances(self) -> tuple[Instance, ...]:
        return wire.understood(wire.instances_in, self._ask("instances").get("instances"), "the list of instances")

    def stop(self) -> None:
        self._tell("stop")


class CommandMetrics(_Port):
    """The Metrics port over a program that reports counters. This class keeps the cursor."""

    def __init__(self, program: Program, context: Context) -> None:
        super().__init__("metrics", program, context)

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        answer = self._ask("observe", versions=list(versions))
        totals = wire.understood(wire.totals_in, answer.get("totals"), "the counters")
        started = str(answer.get("started", ""))
        restarted = cursor is not None and find(cursor, "started") != started
        before = totals if cursor is None else {} if restarted else wire.totals_in(find(cursor, "totals"))
        # Errors whose requests the last reading did not see yet; an earlier Pilotage kept none.
        ahead = entries(whole_at, cursor, "ahead") if not restarted and find(cursor, "ahead") else dict[str, int]()

        def since(version: str) -> Observation:
            found = totals.get(version)
            if found is None:
                return Observation(version, 0, 0)
            try:
                counted = wire.since(version, before.get(version), found)
            except ValueError as error:
                raise AdapterError(f"unreadable counters: {error}") from None
            errors, ahead[version] = settled(counted.errors + ahead.get(version, 0), counted.requests)
            return replace(counted, errors=errors)

        observations = tuple(since(version) for version in versions)
        kept = {name: one.to_json() for name, one in {**before, **totals}.items()}
        return Reading(
            observations,
            {"started": started, "totals": kept, "ahead": ahead},
            time.time(),
            "the source restarted: counting from its start" if restarted else "",
        )


class CommandQueries(_Port):
    """The Queries port over a program."""

    def __init__(self, program: Program, context: Context) -> None:
        super().__init__("queries", program, context)

    def query(self, text: str) -> tuple[float, ...]:
        found = self._ask("query", query=text).get("values")
        return tuple(wire.understood(partial(each, number_at), found, "the values"))


class CommandFlags(_Port):
    """The Flags port over a program. key: the flag · segment_of: the rule of a name in a ramp's groups."""

    def __init__(
        self, program: Program, context: Context, *, key: str, segment_of: Callable[[str], Segment] = group
    ) -> None:
        super().__init__("flags", program, context)
        self._said |= {"flag": key}
        self._key, self._segment_of = key, segment_of

    def read(self) -> Ramp:
        return wire.understood(wire.ramp_in, self._ask("read").get("ramp"), f"the flag {self._key}")

    def apply(self, ramp: Ramp) -> None:
        answer = self._tell("apply", ramp=wire.ramp_out(ramp), segments=wire.segments_out(ramp, self._segment_of))
        if awaited := answer.get("awaits_approval"):
            raise AwaitsApproval(line(self._program.without_secrets(str(awaited)), 500))

    def rehearse(self) -> None:
        answers = self._ask("rehearse", ramps=[wire.ramp_out(Ramp((), WHOLE)), wire.ramp_out(OFF)]).get("answers")
        if answers != [True, False]:
            raise AdapterError(f"the flag {self._key} does not turn on and off for a test user: it returns {answers}")


class CommandNotifier(_Port):
    """The Notifier port over a program."""

    def __init__(self, program: Program, context: Context) -> None:
        super().__init__("notify", program, context)

    def send(self, delivery: Delivery) -> JsonObject:
        message = {**asdict(delivery.message), "facts": dict(delivery.message.facts)}
        receipt = self._ask("send", message=message, first=delivery.first, again=delivery.again).get("receipt", {})
        return dict(wire.understood(object_at, receipt, "the receipt"))
