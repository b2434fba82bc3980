"""The exit status and the sentence of any error."""

from __future__ import annotations

import errno

from pilotage.adapters.extras import installing
from pilotage.model.errors import PilotageError
from pilotage.model.wording import counted

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def exit_status(error: Exception) -> tuple[int, str]:
    """The exit status of an error that reached the top, and its sentence."""
    problems = getattr(error, "problems", None)
    if isinstance(error, PilotageError) and problems is not None:
        count = len(problems)
        return 2, f"{counted(count, 'problem')} in the configuration\n{error}"
    if isinstance(error, PilotageError):
        return error.exit_status, str(error)
    if isinstance(error, OSError) and error.filename:
        # A path that the user named cannot be used. Anything else, such as a full disk, is not the user's mistake.
        named = isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError | PermissionError)
        return (2 if named else 9), f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in _DISK:
        return 9, f"a file could not be written: {error.strerror}"
    if type(error).__module__.startswith(("sqlalchemy.", "sqlite3")):
        return 9, _unusable(error)
    if isinstance(error, ModuleNotFoundError) and error.name == "psycopg":
        return 9, f"a PostgreSQL store needs its driver: {installing('postgres')}"
    if isinstance(error, UnicodeDecodeError):
        return 2, f"an input file is not UTF-8 text: {error.reason} at byte {error.start}"
    if isinstance(error, UnicodeEncodeError):
        return 2, "an argument or an environment variable is not UTF-8 text"
    if isinstance(error, RecursionError):
        return 2, "the input is nested too deeply (--debug shows where)"
    return 1, f"internal error: {type(error).__name__}: {error} (--debug shows where)"


def _unusable(error: Exception) -> str:
    """What is wrong with the store, and what to do about it."""
    words = str(error.args[0] if error.args else error)
    if type(error).__module__ == "sqlite3":
        words = f"(sqlite3.{type(error).__name__}) {words}"  # as SQLAlchemy says it
    if "malformed" in words or "not a database" in words:
        words += (
            ". Restore pilotage.sqlite from a backup, or recover what is readable: "
            "sqlite3 pilotage.sqlite .recover | sqlite3 new.sqlite. Then check it with `pilotage events --verify`"
        )
    ways = "Without it, `pilotage abort --offline` returns the traffic and `pilotage down --force` stops everything"
    return f"the store is unusable: {words}. {ways}"
