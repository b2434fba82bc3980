"""`python -m pilotage` is the command `pilotage`."""

from __future__ import annotations

from pilotage.cli.main import main

if __name__ == "__main__":
    main()
