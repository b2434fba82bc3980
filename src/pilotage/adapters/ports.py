"""The ports of a rollout, and what holds for every adapter behind them; `tests/contract` checks each sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pilotage.model.errors import Unavailable
from pilotage.model.flag import Ramp
from pilotage.model.json import JsonObject
from pilotage.model.message import Message
from pilotage.model.observation import CheckResult, Instance, ProbeResult, Reading
from pilotage.model.traffic import Split

Backends = Mapping[str, Sequence[tuple[str, int]]]
"""Host and port of each instance that may take requests, per version."""


class AdapterError(Unavailable):
    """A router, fleet, metrics source, flag service or channel did not answer, or failed. The message says what to
    do.
    """


class Fenced(AdapterError):
    """Another controller has taken over this target, so this one stops changing it."""


@dataclass(frozen=True, kw_only=True)
class AlertSeries:
    """The figures of one version as PromQL, in which `{window}` stands for a duration such as `5m`."""

    errors: str
    """Failed requests a second."""
    requests: str
    """Requests a second."""
    counted: str
    """Requests within the window."""
    p95: str
    """95th percentile of durations."""
    stable_p95: str
    """The same of all other versions together."""
    healthy: str
    """Instances that are well."""
    total: str
    """Instances."""
    absent: str
    """True while there are no figures."""


class Router(Protocol):
    """Splits requests between versions.

    It goes on splitting when the controller is gone, and the next controller finds it again, also where Pilotage's
    files were lost meanwhile: there is never a second one beside it. What others keep in the same router stays as it
    is.
    """

    def url(self) -> str:
        """Where users reach the service.

        Effect: none.
        After it returns: an address that this machine can ask, such as `http://127.0.0.1:8080`; empty where the router
            does not know.
        Errors: none.
        Deadline: at once; it asks nobody.
        Concurrency: any thread, also while another method runs.
        """

    def apply(self, split: Split, backends: Backends) -> None:
        """Ask for this split, with these instances.

        Effect: users get the versions by their weights. Where they are told apart by a cookie, the router sets it for
            those who have none, and they stay on the version of that very request. All routes of a service switch at
            once. While the split is closed, every user gets the maintenance page with status 503, on the health path
            too, and only header routes still lead to a version.
        After it returns: `read` shows the split within the router's `settle` time. A user whom a lower weight of a
            version reached is reached by a higher one too. Saying it twice changes nothing, also when the first call
            was cut off anywhere.
        Errors: AdapterError where a version that gets requests has no instance in `backends`, or the router cannot be
            told; then the split of before, or this one, holds. Fenced when another controller has taken over.
        Deadline: a few seconds.
        Concurrency: one call at a time, except that a later call may begin while an earlier one hangs; then the later
            one holds. `read` and `endpoints` may run meanwhile.
        """

    def read(self) -> Split | None:
        """The split that the router itself reports.

        Effect: none.
        After it returns: what users get, not what was asked for; None when the router was never told one.
        Errors: AdapterError when it does not answer, or splits one route otherwise than another.
        Deadline: a few seconds.
        Concurrency: any thread, also while `apply` runs.
        """

    def endpoints(self) -> Mapping[str, frozenset[tuple[str, int]]] | None:
        """The instances that the router itself sends requests to.

        Effect: none.
        After it returns: host and port of each, per version; None when the router was never told any, or cannot say
            (see its capabilities).
        Errors: AdapterError when it does not answer.
        Deadline: a few seconds.
        Concurrency: any thread, also while `apply` runs.
        """

    def stop(self) -> None:
        """Take the router down.

        Effect: users reach nothing any more.
        After it returns: nothing of it is left, and `read` gives None. Saying it twice changes nothing.
        Errors: AdapterError, Fenced.
        Deadline: some ten seconds; then it is ended by force.
        Concurrency: no other method runs meanwhile.
        """


class Fleet(Protocol):
    """Runs instances of versions.

    They outlive the controller, and the next one finds them again, also where its records of them were lost. They see
    nothing of the controller's environment but what the configuration names.
    """

    @property
    def health_path(self) -> str:
        """The path on which an instance says how it is.

        Effect: none.
        After it returns: such as `/healthz`.
        Errors: none.
        Deadline: at once; it asks nobody.
        Concurrency: any thread.
        """

    def ensure(self, version: str, count: int) -> None:
        """See that `count` instances of a version run.

        Effect: starts what is missing, replaces what died, stops the newest of what is too much: gracefully, by force
            after the stop deadline.
        After it returns: all of that has begun; it does not wait for it. Saying it twice starts nothing twice, also
            when the first call was cut off anywhere.
        Errors: AdapterError where nothing can be started, Fenced.
        Deadline: a few seconds.
        Concurrency: one call at a time; `instances` and `log_tail` may run meanwhile.
        """

    def replace(self, version: str, instance: str) -> None:
        """See that one instance of `version` ends. instance: `host:port`.

        Effect: asks it to end, by force after the stop deadline.
        After it returns: it is listed as `stopping` until it is gone, and `ensure` starts a fresh one in its place.
            Saying it twice changes nothing, and an instance that is not there is no error. Its successor may get the
            same address, so nobody says it any more once the instance was seen to be gone.
        Errors: AdapterError, Fenced.
        Deadline: a few seconds.
        Concurrency: as `ensure`.
        """

    def log_tail(self, instance: str, lines: int = 3) -> tuple[str, ...]:
        """The last lines that an instance wrote. instance: its id, or `host:port`.

        Effect: none.
        After it returns: oldest first, each at most 200 characters and without control characters; empty where the
            instance is not known or wrote nothing.
        Errors: AdapterError.
        Deadline: a second.
        Concurrency: any thread, also while `ensure` runs.
        """

    def instances(self) -> tuple[Instance, ...]:
        """Every instance known, with its health as just asked.

        Effect: none.
        After it returns: one that died by itself stays listed as `exited` until `ensure` replaces or removes it.
        Errors: AdapterError where the fleet does not answer. An instance that does not answer is `unhealthy`.
        Deadline: seconds, however many are silent; an answer that never ends is none.
        Concurrency: any thread, also while `ensure` runs.
        """

    def stop(self) -> None:
        """Stop every instance of every version, and whatever they started.

        Effect: gracefully, by force after the stop deadline.
        After it returns: they are gone. Saying it twice changes nothing.
        Errors: AdapterError, Fenced.
        Deadline: some seconds more than the stop deadline.
        Concurrency: no other method runs meanwhile.
        """


class Metrics(Protocol):
    """Counts what versions did."""

    def observe(self, versions: Sequence[str], cursor: JsonObject | None) -> Reading:
        """What happened since the reading that gave `cursor`; with None nothing yet, only where to count from.

        Effect: none.
        After it returns: counts of users; Pilotage's own requests are counted apart, those of testers nowhere. A
            version without requests has zero counts. Counts are never negative, also when the source restarted. Each
            failure stands in one reading only, at most a second after its count. Where the source keeps no log of
            failures, `failures` is None and the note says why. The cursor is plain JSON.
        Errors: AdapterError when the source does not answer, answers with something else, or its counters were set
            back.
        Deadline: a few seconds.
        Concurrency: one call at a time.
        """


class Checks(Protocol):
    """Runs the configured checks of steps. They outlive the controller, and their answers are found again."""

    def names(self) -> frozenset[str]:
        """The steps for which checks are configured."""

    def ensure(self, name: str, attempt: int, facts: Mapping[str, str]) -> None:
        """See that this attempt of a step's checks was begun: each is begun once, also when the first call was cut
        off anywhere. Does not wait. facts: what the placeholders stand for. Raises AdapterError, Fenced."""

    def results(self) -> tuple[CheckResult, ...]:
        """How every attempt stands that was begun. One whose process is gone without an answer has failed."""

    def stop_all_but(self, name: str, attempt: int) -> None:
        """End whatever else still runs, with all its children: nobody waits for its answer any more."""


class Flags(Protocol):
    """Reads and sets the reach of one release flag, and touches nothing else of the provider: what others change there
    at the same time stays."""

    def read(self) -> Ramp:
        """Whom the flag reaches, as the provider itself would answer.

        Effect: none.
        After it returns: off for a flag that was never set.
        Errors: AdapterError when that cannot be read, or when somebody gave the flag a rule that is not ours.
        Deadline: a few seconds.
        Concurrency: any thread, also while `apply` runs.
        """

    def apply(self, ramp: Ramp) -> None:
        """Make the flag reach exactly these.

        Effect: services answer their users by the ramp.
        After it returns: `read` shows it. A user whom a lower share reached is reached by a higher one too. Saying it
            twice changes nothing.
        Errors: AdapterError, Fenced.
        Deadline: a few seconds.
        Concurrency: several processes may set flags of the same provider at once.
        """

    def rehearse(self) -> None:
        """Try the kill switch on a copy of the flag, with a user of nobody's.

        Effect: none that a user could see.
        After it returns: the flag turned on and off for the test user.
        Errors: AdapterError when it did not.
        Deadline: a few seconds.
        Concurrency: any thread.
        """


class Probes(Protocol):
    """Tries a service's critical functions at its instances, in rounds, beside whoever looks."""

    def keep_up(self, instances: Backends) -> None:
        """Go on probing these instances of each version; begins at once and never waits. Without another call within
        five seconds it ends by itself. A try that hangs ends at its deadline."""

    def results(self) -> Sequence[ProbeResult]:
        """What came since the last call, oldest first. All of one round have the same time and come together."""

    def stop(self) -> None:
        """Probe no more; what was not fetched yet is dropped."""


class Queries(Protocol):
    """Answers questions in a metrics system's own language."""

    def query(self, text: str) -> tuple[float, ...]:
        """The values that the question has now.

        Effect: none.
        After it returns: one value for each series, in the order of the answer; empty where there is nothing.
        Errors: AdapterError when it does not answer, refuses the question, or answers with something else.
        Deadline: five seconds.
        Concurrency: any number of questions at once.
        """


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message on its way through one channel. first: the receipt of its thread's first message there, if there was
    one · again: an earlier try may have arrived."""

    message: Message
    first: JsonObject | None = None
    again: bool = False


class Notifier(Protocol):
    """Delivers messages through one channel."""

    def send(self, delivery: Delivery) -> JsonObject:
        """Deliver one message.

        Effect: people see it once. Where the receiver can be asked, a try again looks whether the message is there;
            where it cannot, the message carries its key, by which the receiver tells a repetition.
        After it returns: a receipt, plain JSON without secrets.
        Errors: Undelivered: permanent, or with the wait that the receiver asked for. No error names a secret.
        Deadline: some ten seconds.
        Concurrency: one message of a channel at a time.
        """
