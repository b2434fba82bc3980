"""Starts a program with limits and as another user: `python -I -S launcher.py JSON -- PROGRAM ARGUMENT…`.

A program of its own, because limits and user must be set between fork and exec, where a controller with threads may run
no Python code (docs.python.org/3/library/subprocess.html#subprocess.Popen, preexec_fn). It becomes the program by exec:
process id, start time and environment stay, and with them the marks of `marks`. It imports nothing of Pilotage, so it
starts in some milliseconds.
"""

from __future__ import annotations

import json
import os
import resource
import sys

_NEVER = 127
"""Exit status of a program that cannot be executed, as shells have it."""


def main(arguments: list[str]) -> None:
    """arguments: `{"limits": {"NOFILE": 1024}, "user": [uid, gid, [group, …]]}` as JSON, `--`, the command."""
    asked, dashes, *command = arguments
    if dashes != "--" or not command:
        raise SystemExit("launcher: no command")
    wanted = json.loads(asked)
    try:
        for name, value in wanted["limits"].items():
            _limit(getattr(resource, f"RLIMIT_{name}"), value)
        if wanted["user"]:
            _become(*wanted["user"])
    except (OSError, ValueError) as error:
        raise SystemExit(f"cannot set limits or user: {error}") from None
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]!r}: {error.strerror}\n")
        raise SystemExit(_NEVER) from None


def _limit(number: int, value: int) -> None:
    """Both limits, as systemd's `LimitNOFILE=`; -1 for none. Only root raises the hard one."""
    hard = resource.getrlimit(number)[1]
    above = hard != resource.RLIM_INFINITY and (value == resource.RLIM_INFINITY or value > hard)
    if above and os.geteuid() != 0:
        raise ValueError(f"{value} is above the hard limit of {hard}")
    resource.setrlimit(number, (value, value))


def _become(uid: int, gid: int, groups: list[int]) -> None:
    os.setgroups(groups)
    os.setgid(gid)
    os.setuid(uid)


if __name__ == "__main__":
    main(sys.argv[1:])
