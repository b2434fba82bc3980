"""What every JSON output has in common."""

from __future__ import annotations

import msgspec

SCHEMA = 3
"""Version of what `--json` prints; raised when a field changes its meaning or goes. 1 had weights per mille and times
in Unix seconds; 2 had shares between 0 and 1 in reports, risk and plans."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an output. Times are ISO 8601 in UTC, weights percent, durations seconds."""


class Output(Part, frozen=True, kw_only=True):
    """What one command prints with `--json`."""

    schema: int = SCHEMA
    """Version of this output."""
