"""Stand-ins for `systemctl` and `journalctl` on a host without systemd. They run real processes, do what the manual
pages say of the few commands and settings that Pilotage uses, and refuse everything else.

What they cannot show: control groups, boot, the journal's own storage, SELinux, and polkit.
"""

from __future__ import annotations

import sys
from pathlib import Path

_PROGRAMS = ("systemctl", "journalctl")


def install(folder: Path) -> Path:
    """Put both programs into a folder, for the PATH of a host."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PROGRAMS:
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {Path(__file__).with_name(name)}.py "$@"\n')
        program.chmod(0o755)
    return folder
