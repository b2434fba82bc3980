"""The readers that the fuzz knows; each module says what a second reader must agree about."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz.reader import Reader
from tests.fuzz.readers import (
    commits,
    coverage,
    env_files,
    findings,
    inventories,
    junit,
    locks,
    rrule,
    sql,
    yaml_config,
)

READERS: Mapping[str, Reader] = {
    one.name: one
    for one in (
        junit.READER, findings.READER, coverage.READER, sql.READER, locks.READER, yaml_config.READER, rrule.READER,
        commits.READER, env_files.READER, inventories.READER,
    )
}  # fmt: skip
