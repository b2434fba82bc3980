"""The ports of a rollout, and what holds for every adapter behind them; `tests/contract` checks each sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from pilotage.adapters.port_errors import AdapterError as AdapterError
from pilotage.adapters.port_errors import AwaitsApproval as AwaitsApproval
from pilotage.adapters.port_errors import Fenced as Fenced
from pilotage.adapters.port_errors import NeverStarts as NeverStarts
from pilotage.model.flag import Ramp
from pilotage.model.json import JsonObject
from pilotage.model.observation import CheckResult, Instance, Preparation, ProbeResult, Reading
from pilotage.model.traffic import Split

Backends = Mapping[str, Sequence[tuple[str, int]]]
"""Host and port of each instance that may take requests, per version."""


class Router(Protocol):
    """Splits requests between versions.

    It continues to split requests when the controller is gone. The next controller finds it again, even if Pilotage's
    files were lost: there is never a second one. Whatever else is configured in the same router stays as it is.
    """

    def url(self) -> str:
        """Where users reach the service.

        Effect: none.
        After it returns: an address that this machine can reach, such as `http://127.0.0.1:8080`; empty if the router
            does not know it.
        Errors: none.
        Deadline: immediate; it makes no call.
        Concurrency: any thread, also while another method runs.
        """

    def apply(self, split: Split, backends: Backends) -> None:
        """Set this split, with these instances.

        Effect: users get the versions by weight. If a cookie identifies users, the router sets it for those who have
            none, and they stay on the version of that first request. All routes of a service switch at once. While the
            split is closed, every user gets the maintenance page with status 503, also on the health path, and only
            header routes still lead to a version. Where the split has a cohort, its members get its version, and
            everybody else the other versions in proportion to their weights, whatever cookie they have. A member is who
            sends the cohort's header once, with exactly this value. Header routes come first. Whether Pilotage's own
            requests follow the weights or the cohort is the router's choice.
        After it returns: `read` shows the split within the router's `settle` time. Users who got a version at a lower
            weight keep it at a higher one. Repeating the call changes nothing, even if the first call was interrupted.
        Errors: AdapterError if a version that gets requests has no instance in `backends`, the router has no cohorts,
            the members are not those of the digest, or the router cannot be changed; either the previous split or this
            one is then in effect. Fenced if another controller took over.
        Deadline: a few seconds.
        Concurrency: one call at a time. A later call may start while an earlier one hangs; the later one then wins.
            `read` and `endpoints` may run at the same time.
        """

    def read(self) -> Split | None:
        """The split that the router itself reports.

        Effect: none.
        After it returns: what users get, not what was requested; None if no split was ever set. A cohort has the digest
            and size of the members that the router has; the members themselves may be left out.
        Errors: AdapterError if it does not answer, or if its routes are split differently.
        Deadline: a few seconds.
        Concurrency: any thread, also while `apply` runs.
        """

    def endpoints(self) -> Mapping[str, frozenset[tuple[str, int]]] | None:
        """The instances that the router itself sends requests to.

        Effect: none.
        After it returns: host and port of each, per version; None if none was ever set, or if the router cannot report
            them (see its capabilities).
        Errors: AdapterError if it does not answer.
        Deadline: a few seconds.
        Concurrency: any thread, also while `apply` runs.
        """

    def stop(self) -> None:
        """Stop the router.

        Effect: users reach nothing any more.
        After it returns: nothing of it is left, and `read` gives None. Repeating the call changes nothing.
        Errors: AdapterError, Fenced.
        Deadline: about ten seconds; then it is killed.
        Concurrency: no other method runs at the same time.
        """


class Fleet(Protocol):
    """Runs instances of versions.

    They outlive the controller. The next one finds them again, even if its records of them were lost. Of the
    controller's environment they see only what the configuration names.
    """

    @property
    def health_path(self) -> str:
        """The path of an instance's health check.

        Effect: none.
        After it returns: such as `/healthz`.
        Errors: none.
        Deadline: immediate; it makes no call.
        Concurrency: any thread.
        """

    def ensure(self, version: str, count: int) -> None:
        """Make `count` instances of a version run.

        Effect: starts missing instances, replaces those that exited, and stops the newest surplus ones: gracefully,
            by force after the stop timeout.
        After it returns: all of that has started; it does not wait for it. Repeating the call starts nothing twice,
            even if the first call was interrupted.
        Errors: AdapterError if nothing can be started, Fenced.
        Deadline: a few seconds.
        Concurrency: one call at a time; `instances` and `log_tail` may run at the same time.
        """

    def replace(self, version: str, instance: str) -> None:
        """Stop one instance of `version`. instance: `host:port`.

        Effect: stops it gracefully, by force after the stop timeout.
        After it returns: it is listed as `stopping` until it is gone, and `ensure` starts a new one in its place.
            Repeating the call changes nothing, and a missing instance is not an error. Its successor may get the same
            address, so do not repeat the call once the instance is gone.
        Errors: AdapterError, Fenced.
        Deadline: a few seconds.
        Concurrency: as `ensure`.
        """

    def log_tail(self, instance: str, lines: int = 3) -> tuple[str, ...]:
        """The last lines that an instance wrote. instance: its id, or `host:port`.

        Effect: none.
        After it returns: oldest first, each at most 200 characters and without control characters; empty if the
            instance is unknown or wrote nothing.
        Errors: AdapterError.
        Deadline: a second.
        Concurrency: any thread, also while `ensure` runs.
        """

    def instances(self) -> tuple[Instance, ...]:
        """Every known instance, with its current health.

        Effect: none.
        After it returns: an instance that exited stays listed as `exited` until `ensure` replaces or removes it.
        Errors: AdapterError if the fleet does not answer. An instance that does not answer is `unhealthy`.
        Deadline: seconds, however many instances are silent; an answer that never ends does not count.
        Concurrency: any thread, also while `ensure` runs.
        """

    def stop(self) -> None:
        """Stop every instance of every version, with all processes that they started.

        Effect: stops them gracefully, by force after the stop timeout.
        After it returns: they are gone. Repeating the call changes nothing.
        Errors: AdapterError, Fenced.
        Deadline: some seconds more than the stop timeout.
        Concurrency: no other method runs at the same time.
        """


@runtime_checkable
class PreparingFleet(Fleet, Protocol):
    """A fleet whose capabilities say `prepares`: it brings a version to where it runs before anything changes."""

    def prepare(self, version: str) -> None:
        """Begin to bring a version to every place where it may run, or go on with it.

        Effect: fetches and verifies an image or an artifact, runs what the configuration says must run before.
            Nothing that serves is touched.
        After it returns: that is under way, in the background. Repeating the call begins nothing twice; after a crash
            it does again what was not finished, and nothing else. Once it has passed, `ensure` starts the version
            without fetching anything; `ensure` of a version that was not prepared here prepares it first.
        Errors: AdapterError, Fenced.
        Deadline: immediate.
        Concurrency: any thread.
        """

    def prepared(self, version: str) -> Preparation | None:
        """How far that is.

        Effect: none.
        After it returns: None if nothing was begun since this controller started. `failed` is an answer that waiting
            does not change, such as an image that does not exist; what may pass by itself stays `running`, with the
            reason.
        Errors: none.
        Deadline: immediate.
        Concurrency: any thread.
        """


class Metrics(Protocol):
    """Counts requests, errors and durations of versions."""

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        """What happened since the reading that returned `cursor`. With None: nothing yet, only a cursor to count from.

        Effect: none.
        After it returns: counts of users. Synthetic requests are counted separately, those of testers not at all. A
            version without requests has zero counts. Counts are never negative, even if the source restarted. A
            version has at most as many failed and refused requests as requests: one that the source counts before its
            request waits in the cursor for the next reading. Each failure is in exactly one reading, at most a second
            after its count. If the source keeps no log of failures, `failures` is None and the note says why. The
            cursor is plain JSON.
        Errors: AdapterError if the source does not answer, answers with something unexpected, or its counters were
            reset.
        Deadline: a few seconds.
        Concurrency: one call at a time.
        """


class Checks(Protocol):
    """Runs the configured checks of steps. They outlive the controller, and the next one finds their results."""

    def names(self) -> frozenset[str]:
        """The steps for which checks are configured."""

    def ensure(self, name: str, attempt: int, facts: Mapping[str, str]) -> None:
        """Start this attempt of a step's checks without waiting for it. Each attempt starts once, even if the first
        call was interrupted. facts: values of the placeholders. Raises AdapterError, Fenced."""

    def results(self) -> tuple[CheckResult, ...]:
        """The result of every attempt that was started. An attempt whose process ended without a result has failed."""

    def stop_all_but(self, name: str, attempt: int) -> None:
        """Stop all other running checks with their child processes: their results are not needed any more."""


class Flags(Protocol):
    """Reads and sets who gets one release flag. It leaves everything else at the provider alone, including what others
    change at the same time."""

    def read(self) -> Ramp:
        """Who gets the flag, as the provider itself would answer.

        Effect: none.
        After it returns: off for a flag that was never set.
        Errors: AdapterError if that cannot be read, or if someone else gave the flag another rule.
        Deadline: a few seconds.
        Concurrency: any thread, also while `apply` runs.
        """

    def apply(self, ramp: Ramp) -> None:
        """Turn the flag on for exactly these users.

        Effect: services evaluate the flag by the ramp.
        After it returns: `read` shows it. Users who had the flag at a lower share keep it at a higher one. Repeating
            the call changes nothing.
        Errors: AdapterError, Fenced; AwaitsApproval, which repeating the call does not request again.
        Deadline: a few seconds.
        Concurrency: several processes may set flags of the same provider at once.
        """

    def rehearse(self) -> None:
        """Test the kill switch on a copy of the flag, with a test user.

        Effect: none that a real user could see.
        After it returns: the copy was turned on and off for the test user.
        Errors: AdapterError if it was not.
        Deadline: a few seconds.
        Concurrency: any thread.
        """


class Probes(Protocol):
    """Tests a service's critical functions at its instances, in rounds, in the background."""

    def keep_up(self, instances: Backends) -> None:
        """Probe these instances of each version from now on. Never waits. Probing ends five seconds after the last
        call. A try that hangs ends at its timeout."""

    def results(self) -> Sequence[ProbeResult]:
        """Results since the last call, oldest first. All results of one round have the same time and come together."""

    def stop(self) -> None:
        """Stop probing and drop results that were not fetched."""


class Queries(Protocol):
    """Answers queries in a metrics system's own language."""

    def query(self, text: str) -> tuple[float, ...]:
        """The current values of a query.

        Effect: none.
        After it returns: one value for each series, in the order of the answer; empty if there is none.
        Errors: AdapterError if it does not answer, refuses the query, or answers with something unexpected.
        Deadline: five seconds.
        Concurrency: any number of queries at once.
        """
