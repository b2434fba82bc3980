"""How far a standby is behind its primary, and what keeps it from following."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.quantity import format_size


@dataclass(frozen=True, kw_only=True)
class Replication:
    """primary, standby: host, port and name · state: such as streaming, with how it is synchronized and its slot ·
    bytes_behind: of the log, None where the database does not count them · seconds_behind: age of the oldest change
    that is missing, None where nobody knows · trouble: what keeps it from following, a sentence each ·
    broken: whether nothing more arrives."""

    primary: str
    standby: str
    state: str = ""
    bytes_behind: int | None = None
    seconds_behind: float | None = None
    trouble: tuple[str, ...] = ()
    broken: bool = False

    @property
    def lag(self) -> str:
        """Such as `12 kB, 3 s`."""
        size = "" if self.bytes_behind is None else format_size(max(0, self.bytes_behind))
        seconds = "" if self.seconds_behind is None else f"{self.seconds_behind:.0f} s"
        return ", ".join(filter(None, (size, seconds))) or "an unknown amount"
