"""The ports of a rollout, and what holds for every adapter behind them; `tests/contract` checks each sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pilotage.model.errors import Unavailable
from pilotage.model.flag import Ramp
from pilotage.model.message import Message
from pilotage.model.observation import CheckResult, Instance, ProbeResult, Reading
from pilotage.model.traffic import Split

Backends = Mapping[str, Sequence[tuple[str, int]]]
"""Host and port of each instance that may take requests, per version."""


class AdapterError(Unavailable):
    """Something outside did not answer or did not do as asked; the sentence says what and what to do."""


class Fenced(AdapterError):
    """Another controller has taken over this target; this one must stop touching it."""


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

    A router goes on splitting when the controller is gone, and is found again by the next one, also where the files
    of Pilotage were lost meanwhile: there is never a second one beside it.
    """

    def url(self) -> str:
        """Where users reach the service, such as `http://127.0.0.1:8080`, as this machine can ask for it. Empty where
        the router does not know. Asks nobody."""

    def apply(self, split: Split, backends: Backends) -> None:
        """Ask for this split. After it returns, `read` shows it within seconds; a user whom a lower weight of the
        same version reached is reached by a higher one too. Every version named in `split` needs an entry in
        `backends`, unless it is closed: then every user gets the maintenance page with status 503, on the health path
        too, and the header routes lead where they did. Where users are told apart by a cookie, the router sets it for
        those who have none, and they stay on the version of that very request. All routes of a service switch at once.
        Saying it twice changes nothing. Raises AdapterError when the router cannot be told, Fenced when this controller
        may no longer; blocks for a few seconds at most."""

    def read(self) -> Split | None:
        """The split that the router itself reports; None when it was never told one. Raises AdapterError when
        it does not answer, or splits one route otherwise than another. Changes nothing."""

    def endpoints(self) -> Mapping[str, frozenset[tuple[str, int]]] | None:
        """Host and port of every instance that the router itself sends requests to, per version; None when it was
        never told any. Raises AdapterError when it does not answer. Changes nothing."""

    def stop(self) -> None:
        """Take the router down; nothing of it is left. Saying it twice changes nothing."""


class Fleet(Protocol):
    """Runs instances of versions. They outlive the controller and are found again by the next one, also where its
    records of them were lost. They see nothing of the controller's environment but what the configuration names."""

    @property
    def health_path(self) -> str:
        """The path on which an instance says how it is. Asks nobody."""

    def ensure(self, version: str, count: int) -> None:
        """See that `count` instances run: start what is missing, replace what died, stop the newest of what is
        too much (gracefully, by force after the deadline). Does not wait for them. Saying it twice starts
        nothing twice, also when the first call was cut off anywhere. Raises AdapterError, Fenced."""

    def replace(self, version: str, instance: str) -> None:
        """See that this instance (`host:port`) of `version` ends: gracefully, by force after the deadline. Does not
        wait: until it is gone it is listed as `stopping`, and `ensure` starts a fresh one in its place. Saying it twice
        changes nothing, also when the first call was cut off anywhere, and an instance that is not there is no error;
        but its successor may get the same address, so say it no more once the instance was seen to be gone. Raises
        AdapterError, Fenced."""

    def log_tail(self, instance: str, lines: int = 3) -> tuple[str, ...]:
        """The last lines that an instance wrote, oldest first, each at most 200 characters and without control
        characters. instance: its id, or `host:port`; empty where it is not known or wrote nothing. Changes nothing."""

    def instances(self) -> tuple[Instance, ...]:
        """Every instance known, with its health as just asked; one that died by itself stays listed as
        `exited` until `ensure` replaces or removes it. Changes nothing. Takes seconds at most, however many are silent,
        and an answer that never ends is none. Raises AdapterError."""

    def stop(self) -> None:
        """Stop every instance of every version and whatever they started, and return when they are gone."""


class Metrics(Protocol):
    """Counts what versions did."""

    def observe(self, versions: Sequence[str], cursor: dict[str, Any] | None) -> Reading:
        """What happened since the reading that gave `cursor`; with None, nothing yet, only where to count from.
        Counts are never negative, also when the source restarted; counters that somebody sets back are an error. A
        version without requests has zero counts.
        Figures are of users: Pilotage's own requests are counted apart, those of testers nowhere. Each failure is in
        one reading only, and stands there at most a second after its count. Where the source keeps no log of them
        `failures` is None and the note says why. Raises AdapterError when the source does not answer or answers with
        something else. Changes nothing."""


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
        """Whom the flag reaches, as the provider itself would answer. Raises AdapterError when that cannot be read, or
        when somebody gave the flag a rule that is not ours. Changes nothing."""

    def apply(self, ramp: Ramp) -> None:
        """Make it reach exactly these. A user whom a lower share reached is reached by a higher one too. Saying it
        twice changes nothing. Raises AdapterError, Fenced."""

    def rehearse(self) -> None:
        """Try the kill switch on a copy of the flag, with a user of nobody's. Raises AdapterError when it fails."""


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
        """The values the question has now; empty where there is nothing. Raises AdapterError. Changes nothing."""


class Notifier(Protocol):
    """Delivers messages through one channel."""

    def send(self, message: Message, first: Mapping[str, Any] | None, *, again: bool) -> dict[str, Any]:
        """Deliver one message; returns a receipt, plain JSON without secrets. first: the receipt of its thread's first
        message here, if there was one · again: an earlier try may have arrived, so look where that can be seen; where
        it cannot, the message carries its key, by which the receiver tells a repetition. Blocks for some ten seconds
        at most. Raises Undelivered (permanent, or with the wait that the receiver asked for)."""
