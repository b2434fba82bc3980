"""For services: count requests, errors and durations of each variant of a release flag, as `flag.metrics_path` reads
them.

    counter = VariantCounter("new-checkout")
    openfeature.api.add_hooks([counter.hook])
    application = counter.wsgi(application)  # or counter.asgi, counter.counted, counter.request

Imports the standard library and `openfeature-sdk`, and nothing else of Pilotage.
"""

from __future__ import annotations

from pilotage.openfeature.counter import BUCKETING, CONTENT_TYPE, Request, VariantCounter

__all__ = ["BUCKETING", "CONTENT_TYPE", "Request", "VariantCounter"]
