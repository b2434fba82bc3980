"""The errors that people see: one root, and a class for each way of reacting.

An error says *what* is wrong, *where*, and how to fix it (*cure*), in one sentence. Its class gives the exit status of
the shell and the HTTP status. Its code is stable for machines: the class's own, or made from its name.
"""

from __future__ import annotations

import re
from typing import ClassVar


class PilotageError(Exception):
    """Something went wrong that people can fix."""

    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    code: ClassVar[str] = "pilotage-error"

    def __init__(self, what: str = "", *, where: str = "", cure: str = "") -> None:
        """where: a file with its line, an option, a field. cure: what would be right, or what to do."""
        super().__init__(what)
        self.what, self.where, self.cure = what, where, cure

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" not in vars(cls):
            cls.code = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    def __str__(self) -> str:
        return f"{self.where}: " * bool(self.where) + self.what + f"; {self.cure}" * bool(self.cure)


class Invalid(PilotageError, ValueError):
    """An option, a file or a setting is wrong. Nothing was done."""

    exit_status, http_status = 2, 400


class NotReady(PilotageError):
    """The release lacks something that its plan requires."""

    exit_status, http_status = 3, 409


class Conflict(PilotageError):
    """The command contradicts the current state: another rollout, a freeze, a step that is over."""

    exit_status, http_status = 7, 409


class Forbidden(PilotageError):
    """This actor may not do that. The message says who may."""

    exit_status, http_status = 8, 403


class Unavailable(PilotageError):
    """Something that Pilotage needs does not answer, or cannot be read or written."""

    exit_status, http_status = 9, 503
