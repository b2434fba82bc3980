"""The trials: three that are always run, and the long set."""

from __future__ import annotations

from dataclasses import replace

from .trial import BOOKS, ROUTES, Trial

_GONE = ("rolled-back", "withdrawn")
"""Whatever the tolerance, the users are gone from a harmful version; a person decides about a withdrawn one."""
_QUARTER = ("25%", "50%", "100%")
_BAD = ["5xx", 404]
_COUNTED = {"routes": ROUTES}
_MISSING_COUNTS = {"routes": ROUTES, "errors": _BAD}
_MISSING_BOOKS_COUNT = {"routes": [{"path": BOOKS, "errors": _BAD}, *ROUTES[1:]]}
_SYNTHETIC = {"routes": ROUTES, "synthetic": {"path": "/-/versions.json", "requests_per_second": 5}}
_PROBED = {"routes": ROUTES, "probes": [{"http": f"{BOOKS}/7.json", "contains": "book 6"}]}

GATE = (
    # A tenth of sixty users is six, too few to be sure of anything that only some of them meet; by chance it is none.
    Trial("good canary", weights=_QUARTER, section=_COUNTED),
    Trial("500 on a fifth", fault="500", weights=_QUARTER, phase=20, ends=("rolled-back",), names=BOOKS,
          section=_COUNTED, seed=2),
    Trial("404 on a route", fault="404", weights=_QUARTER, ends=("rolled-back",), names=BOOKS,
          section=_MISSING_COUNTS, seed=3),
)  # fmt: skip

_GOOD = (
    Trial("good canary, 20 s", phase=20),
    Trial("good canary, 30 s, routes", phase=30, section=_COUNTED),
    Trial("good canary, 2 weights", weights=("50%", "100%"), phase=20, section=_MISSING_COUNTS),
    Trial("good canary, medium", tolerance="medium", section=_COUNTED),
    Trial("good canary, medium, 4 instances", tolerance="medium", count=4, phase=15),
    Trial("good canary, high, synthetic", tolerance="high", section=_SYNTHETIC),
    Trial("good canary, probes", section=_PROBED),
    Trial("good canary, retries", section=_COUNTED, router={"retry_idempotent": True}),
    Trial("good blue-green", strategy="blue-green", phase=20, section=_COUNTED),
    Trial("good blue-green, medium", strategy="blue-green", tolerance="medium", phase=30),
    Trial("good blue-green, high, synthetic", strategy="blue-green", tolerance="high", phase=20, section=_SYNTHETIC),
    Trial("good rolling", strategy="rolling", count=3, section=_COUNTED),
    Trial("good rolling, 20 s", strategy="rolling", count=2, phase=20),
    Trial("good rolling, medium", strategy="rolling", tolerance="medium", count=4, section=_MISSING_COUNTS),
    Trial("good rolling, high, probes", strategy="rolling", tolerance="high", count=3, phase=15, section=_PROBED),
)

_HARMFUL = (
    Trial("500 on a fifth, medium", fault="500", tolerance="medium", ends=_GONE, names=BOOKS, section=_COUNTED),
    Trial("500 on a fifth, high", fault="500", tolerance="high", weights=("25%", "50%", "100%"), ends=_GONE,
          names=BOOKS, section=_SYNTHETIC),
    Trial("500 on a fifth, blue-green", "blue-green", fault="500", phase=30, ends=("rolled-back",), section=_COUNTED),
    Trial("404 on a route, rolling", "rolling", fault="404", count=3, ends=("rolled-back",), names=BOOKS,
          section=_MISSING_BOOKS_COUNT),
    Trial("404 that a probe finds", fault="404", ends=("rolled-back",), names=BOOKS, section=_PROBED),
    Trial("half as slow again", fault="slow", phase=30, ends=("rolled-back",), section=_COUNTED),
    Trial("half as slow again, medium", fault="slow", tolerance="medium", phase=30, ends=_GONE, section=_COUNTED),
    Trial("leak", fault="leak", phase=30, ends=("rolled-back",), section=_COUNTED),
    # One of two instances fails 60 % for 20 s: far above the limit, and the other one is well.
    Trial("one ill instance", fault="ill", tolerance="high", count=4, weights=("50%", "100%"), phase=20,
          section=_COUNTED),
)  # fmt: skip

LONG = tuple(replace(trial, seed=10 + place) for place, trial in enumerate((*_GOOD, *_HARMFUL)))
