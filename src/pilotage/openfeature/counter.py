"""Counts what each variant of a release flag did. A hook notes which variant a request got; the end of the request
counts it. Requests that never evaluated the flag are not counted."""

from __future__ import annotations

import functools
import inspect
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeAlias, TypeVar, cast

from openfeature.hook import Hook, HookContext, HookHints

from pilotage.openfeature.counts import OFF, ON, VARIANTS, Counts
from pilotage.openfeature.web import Asgi, asgi, wsgi

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from openfeature.flag_evaluation import FlagEvaluationDetails, FlagValueType

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of durations, in seconds."""
BUCKETING = "pilotage-bucketing"
"""A flag that Pilotage writes beside its own. Its value names the algorithm of whoever evaluates it."""
_PROBE_EVERY = 30.0

P = ParamSpec("P")
R = TypeVar("R")
Details: TypeAlias = "FlagEvaluationDetails[FlagValueType]"


class Request:
    """One request. Set `failed` where neither an exception nor a status says so."""

    def __init__(self, counter: VariantCounter) -> None:
        self.variant: str | None = None
        self.failed = False
        self._counter, self._began = counter, time.monotonic()
        self._ended = False

    def evaluated(self, variant: str) -> None:
        """The first variant is the one that the user saw."""
        if self.variant is None:
            self.variant = variant

    def end(self) -> None:
        """Count it, once."""
        if not self._ended and self.variant is not None:
            self._counter.record(self.variant, time.monotonic() - self._began, failed=self.failed)
        self._ended = True


class VariantCounter:
    """Counts one boolean flag.

    Args:
        flag: its key.
        bounds: upper bounds of the histogram of durations, in seconds, ascending.
        directory: where the worker processes of one instance count together, such as gunicorn's. Use one directory for
            each instance, and empty it before the instance starts.
    """

    def __init__(self, flag: str, *, bounds: Sequence[float] = BOUNDS, directory: str | Path | None = None) -> None:
        self.flag, self._bounds = flag, tuple(bounds)
        self._counts = Counts(self._bounds, Path(directory) if directory is not None else None)
        self._current: ContextVar[Request | None] = ContextVar(f"pilotage:{flag}", default=None)
        self._bucketing = _Bucketing()
        self.hook: Hook = _VariantHook(self)
        """Give it to OpenFeature: `api.add_hooks([counter.hook])`."""

    # ── around a request ───────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def request(self) -> Iterator[Request]:
        """Count what happens within. An exception is an error, and goes on."""
        request = self.begin()
        try:
            yield request
        except Exception:
            request.failed = True
            raise
        finally:
            self.end(request)

    def counted(self, function: Callable[P, R]) -> Callable[P, R]:
        """A decorator: each call, plain or `async`, is a request."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def counted_later(*args: P.args, **kwargs: P.kwargs) -> object:
                with self.request():
                    return await function(*args, **kwargs)

            return cast(Callable[P, R], counted_later)

        @functools.wraps(function)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.request():
                return function(*args, **kwargs)

        return counted

    def wsgi(self, application: WSGIApplication, path: str | None = "/metrics") -> WSGIApplication:
        """The application, counted; statuses from 500 are errors. path: where it answers with the page; None: it does
        not."""
        return wsgi(self, application, path)

    def asgi(self, application: Asgi, path: str | None = "/metrics") -> Asgi:
        """The same for ASGI. Websockets pass uncounted."""
        return asgi(self, application, path)

    def begin(self) -> Request:
        """For frameworks with other hooks than these: what is evaluated in this context from now on belongs to the
        request. `end` counts it."""
        request = Request(self)
        self._current.set(request)
        return request

    def end(self, request: Request) -> None:
        request.end()
        if self._current.get() is request:
            self._current.set(None)

    # ── what is counted ────────────────────────────────────────────────────────────────────────────────────

    def record(self, variant: str, seconds: float, *, failed: bool) -> None:
        """Count one request. variant: `on` or `off`."""
        self._counts.add(variant, seconds, failed=failed)

    def evaluated(self, details: Details, domain: str | None = None) -> None:
        """The flag was evaluated; an evaluation that failed gave the code's default."""
        self._bucketing.domain, self._bucketing.evaluates = domain, True
        variant = details.variant if details.variant in VARIANTS else ON if details.value is True else OFF
        if (request := self._current.get()) is not None:
            request.evaluated(str(variant))

    def page(self) -> str:
        """The counts in Prometheus' text format."""
        lines = []
        totals = self._counts.totals()
        for name, kind in (("requests_total", "counter"), ("errors_total", "counter"), ("seconds", "histogram")):
            lines.append(f"# TYPE pilotage_variant_{name} {kind}")
            for variant in VARIANTS:
                labels = {"flag": self.flag, "variant": variant}
                if name == "seconds":
                    lines += self._histogram(labels, totals[variant].buckets, totals[variant].seconds)
                else:
                    count = totals[variant].requests if name == "requests_total" else totals[variant].errors
                    lines.append(_sample(name, labels, count))
        if algorithm := self._bucketing.known():
            lines.append("# TYPE pilotage_flag_bucketing gauge")
            lines.append(f'pilotage_flag_bucketing{{flag="{self.flag}",algorithm="{algorithm}"}} 1')
        return "\n".join(lines) + "\n"

    def _histogram(self, labels: Mapping[str, str], buckets: Sequence[int], seconds: float) -> Iterator[str]:
        seen = 0
        for bound, count in zip((*self._bounds, "+Inf"), buckets, strict=True):
            seen += count
            yield _sample("seconds_bucket", {**labels, "le": str(bound)}, seen)
        yield _sample("seconds_sum", labels, seconds)
        yield _sample("seconds_count", labels, seen)


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    shown = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"pilotage_variant_{name}{{{shown}}} {value}"


class _VariantHook(Hook):
    def __init__(self, counter: VariantCounter) -> None:
        self._counter = counter

    def finally_after(self, hook_context: HookContext, details: Details, hints: HookHints) -> None:  # noqa: ARG002
        """Runs after an evaluation that failed, too."""
        if hook_context.flag_key == self._counter.flag:
            metadata = hook_context.client_metadata
            self._counter.evaluated(details, metadata.domain if metadata else None)


class _Bucketing:
    """Which algorithm puts this service's users into buckets, as its own provider answers. It is asked beside the
    requests, now and then: a flag service may be upgraded while the service runs."""

    def __init__(self) -> None:
        self.domain: str | None = None
        self.evaluates = False
        self._algorithm, self._due = "", 0.0

    def known(self) -> str:
        if self.evaluates and (now := time.monotonic()) >= self._due:
            self._due = now + _PROBE_EVERY
            threading.Thread(target=self._ask, daemon=True).start()
        return self._algorithm

    def _ask(self) -> None:
        from openfeature import api
        from openfeature.evaluation_context import EvaluationContext

        client = api.get_client(self.domain)
        answer = client.get_string_value(BUCKETING, "", EvaluationContext(targeting_key=BUCKETING))
        self._algorithm = answer if answer.isidentifier() else ""
