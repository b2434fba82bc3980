"""For `pilotage doctor`: whether CloudWatch may be asked, and whether it has figures. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from pilotage.adapters.metrics.cloudwatch import CloudWatchMetrics, Source
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.routers.alb_record import remembered
from pilotage.model.finding import Finding
from pilotage.model.json import Json


def examined(places: Iterable[Path], namespace: str) -> Iterator[Finding]:
    paths = list(places)
    told = [record for record in map(remembered, paths) if record is not None]
    if not told:
        yield Finding("WARN", "CloudWatch", "there are no figures before the first deployment")
        return
    metrics = CloudWatchMetrics(paths, late=60.0, period=60, namespace=namespace)
    try:
        versions = [version for record in told for version in Source.of(record).versions().values()]
        until = int(time.time()) // 60 * 60 - 600
        cursor: dict[str, Json] = {"from": until, "until": until, "groups": {}}
        reading = metrics.observe(versions, cursor)
    except AdapterError as error:
        yield Finding("FAIL", "CloudWatch", str(error))
        return
    requests = sum(one.requests for one in reading.observations)
    yield Finding("PASS" if requests else "WARN", "CloudWatch", f"{requests} requests in ten minutes; {reading.note}")
