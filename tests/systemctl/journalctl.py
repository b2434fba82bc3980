"""`journalctl` as far as Pilotage uses it: the last lines of one unit."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.systemctl.unit import STATE, refuse

match [one for one in sys.argv[1:] if one != "--user"]:
    case ["--unit", name, "--lines", count, "--output", "cat", "--no-pager", "--quiet"]:
        file = STATE / "journal" / name
        rows = file.read_bytes().split(b"\n") if file.exists() else []
        rows = rows[:-1] if rows and not rows[-1] else rows
        # The journal shows no line that is not text, and none without a character.
        sys.stdout.buffer.write(b"".join(row + b"\n" for row in rows[-int(count) :] if row.strip()))
    case other:
        refuse(f"not understood: {other}")
