"""Makes docs/live-view.svg from a real run of the demo: `python docs/picture.py`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from pilotage.demo.story import Fault, figures, play
from pilotage.demo.traffic import Measured
from pilotage.model.record import Recorded, Rollout
from pilotage.render.live_view import rollout_view


def main() -> None:
    views: dict[str, RenderableType] = {}

    def show(rollout: Rollout, events: Sequence[Recorded], _: Measured) -> None:
        watching = rollout.plan.steps[rollout.state.step].id == "analyse-25%" and rollout.state.watched > 2.5
        if watching or rollout.state.status.final:
            views.setdefault(f"{rollout.version} {rollout.state.status}", rollout_view(rollout, events))

    with tempfile.TemporaryDirectory() as directory:
        runs = play(Path(directory), [Fault.NONE, Fault.ERRORS], 1, lambda *_: None, show)
    console = Console(record=True, width=116, file=Path("/dev/null").open("w"), force_terminal=True)  # noqa: SIM115
    console.print(views["1.1.0 progressing"])
    console.print(views["1.2.0 rolled-back"])
    console.print(Text("as its users measured it: " + "; ".join(figures(runs[1])[1:4]), "bold"))
    svg = console.export_svg(title="pilotage demo")
    # The picture must not fetch a font from somewhere.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    (Path(__file__).parent / "live-view.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
