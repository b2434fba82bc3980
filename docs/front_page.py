"""Makes docs/index.md, the front page of the site, from README.md. `python docs/reference.py` writes it."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).parents[1] / "README.md"

_NEXT = {
    "try it on your own service": "[quick start](start/quick-start.md), ten minutes",
    "learn the words": "[concepts](start/concepts.md)",
    "choose a strategy": "[strategies](guides/strategies.md), [canary rollouts](guides/canary.md), "
    "[control releases](guides/control.md)",
    "gate, announce and document releases": "[readiness gates](guides/readiness.md), "
    "[notifications](guides/notifications.md), [release notes](guides/notes.md)",
    "look something up": "[pilotage.yaml](reference/pilotage-yaml.md), [command line](reference/cli.md), "
    "[events](reference/events.md), [errors](reference/errors.md)",
    "know why to trust it": "[guarantees](explanation/guarantees.md), [the judge](explanation/judge.md), "
    "[failure modes](explanation/reliability.md), "
    "[integrity](explanation/integrity.md)",
    "run it in production": "[run, back up, upgrade](operate/operate.md), "
    "[emergencies](operate/emergencies.md), [troubleshooting](operate/troubleshooting.md)",
}


def page() -> str:
    """The README up to its list of pages, with links that fit the site."""
    text = README.read_text(encoding="utf-8").partition("## Read on")[0]
    rows = (f"| {wish} | {pages} |" for wish, pages in _NEXT.items())
    following = ("## Where to go next", "", "| you want to | read |", "|---|---|", *rows)
    return text.replace("](docs/", "](") + "\n".join(following) + "\n"
