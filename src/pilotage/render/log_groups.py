"""A rollout in the log of a pipeline's job: its events in a group for each step, which people can fold.

GitHub Actions and GitLab CI read commands to the runner from the log. No text of an event may be one: GitHub also takes
`##[…]` in the middle of a line, and GitLab's need an escape character, which no event has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.events import Completed, Failed, RollbackStarted, RolledBack, StepStarted
from pilotage.model.record import Recorded
from pilotage.model.text import line
from pilotage.render.lines import event_lines


class LogGroups(StrEnum):
    """Whose commands group the lines."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


_ENDS = (RollbackStarted, Completed, RolledBack, Failed)
"""Events that stand outside the groups: whoever reads a folded log sees them."""
_MOST_TITLE = 120


@dataclass
class GroupedLog:
    """Turns events into lines; remembers which group is open. Lines of `commands` are for the runner."""

    kind: LogGroups
    _open: str = ""
    _count: int = 0

    def lines(self, event: Recorded) -> Iterator[str]:
        """The lines of an event, with those that end or begin a group."""
        what = event.what
        if isinstance(what, _ENDS):
            yield from self.end(event.at)
        if isinstance(what, StepStarted):
            yield from self.end(event.at)
            yield from self._begin(what.title, event.at)
        yield self.plain(event_lines([event])[0])

    def end(self, at: float) -> Iterator[str]:
        """The line that ends the open group. at: Unix seconds."""
        if not self._open:
            return
        yield "::endgroup::" if self.kind is LogGroups.GITHUB else f"\x1b[0Ksection_end:{int(at)}:{self._open}\r\x1b[0K"
        self._open = ""

    @staticmethod
    def is_command(line: str) -> bool:
        """Whether a line of `lines` or `end` is for the runner."""
        return line.startswith(("::group::", "::endgroup::", "\x1b[0Ksection_"))

    def plain(self, text: str) -> str:
        """A line that commands nothing; one line, whatever the text."""
        if self.kind is LogGroups.NONE:
            return text
        shown = text.replace("\n", " ")
        if self.kind is LogGroups.GITLAB:
            return shown
        shown = shown.replace("##[", "## [")
        return f" {shown}".replace(" ::", " : :", 1) if shown.lstrip().startswith("::") else shown

    def _begin(self, title: str, at: float) -> Iterator[str]:
        if self.kind is LogGroups.NONE:
            return
        self._count += 1
        self._open, shown = f"pilotage_step_{self._count}", line(title, _MOST_TITLE)
        if self.kind is LogGroups.GITHUB:
            yield f"::group::{shown.replace('%', '%25').replace('##[', '## [')}"
        else:
            yield f"\x1b[0Ksection_start:{int(at)}:{self._open}\r\x1b[0K{shown}"
