"""`report`, `dora`, `incident`, `serve-status`: what a time was like, what went wrong, what the public sees."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pilotage.cli.project import Project, environment_option
from pilotage.cli.showing import form_options, show
from pilotage.model.clock import Clock, today

if TYPE_CHECKING:
    from pilotage.report.dora import Dora
    from pilotage.report.period import Business, Period, Told

since_option = click.option(
    "--since", default="30d", show_default=True, help="A day such as 2026-11-01, or so long ago, such as 30d."
)
until_option = click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day; today when left out.")


def span_of(clock: Clock, since: str, until: datetime | None, zone: str) -> tuple[date, date]:
    """The first and the last day."""
    from pilotage.model.quantity import parse_duration

    last = until.date() if until else today(clock, zone)
    try:
        return date.fromisoformat(since), last
    except ValueError:
        pass
    try:
        days = float(parse_duration(since)) / 86400
    except ValueError:
        raise click.BadParameter(f"{since!r} is not a day such as 2026-11-01, nor 30d", param_hint="--since") from None
    return last - timedelta(days=max(0, round(days) - 1)), last


def gathered(project: Project, environment: str, since: str, until: datetime | None) -> Period:
    """What the records say of a time."""
    from pilotage.app.followups import actions_of
    from pilotage.app.reports import deployments_of, period_of, rollouts_of, told_of
    from pilotage.report.dora import dora_of
    from pilotage.report.period import Period

    configuration = project.loaded.configuration
    zone = configuration.calendar.zone
    first, last = span_of(project.clock, since, until, zone)
    begin, end = period_of(first, last, zone)
    rollouts = rollouts_of(project.store, configuration.service, environment)
    folder = project.loaded.path.resolve().parent
    dora = dora_of(deployments_of(project.store, rollouts, folder), begin, end)
    within = [r for r in rollouts if begin <= (r.started_at or r.created_at) < end]
    told = told_of(project.store, within, zone)
    open_ = tuple(
        f"{a.id}: {a.description} ({a.owner}, due {a.due})"
        for a in actions_of(project.store.engine, configuration.service, open_only=True)
    )
    span = f"{first.isoformat()} to {last.isoformat()} ({zone})"
    return Period(configuration.service, environment, span, dora, told, _business(project, begin, end), open_)


def _business(project: Project, begin: float, end: float) -> tuple[Business, ...]:
    from pilotage.adapters.figures import values_of
    from pilotage.adapters.ports import AdapterError
    from pilotage.report.period import Business

    folder = project.loaded.path.resolve().parent
    found = []
    for section in project.loaded.configuration.report.business:
        plain = section.model_dump(mode="json")
        try:
            now = values_of(plain, folder, begin, end)
            then = values_of(plain, folder, 2 * begin - end, begin)
        except AdapterError as error:
            found.append(Business(section.name, error=str(error)))
            continue
        means = [sum(values) / len(values) if values else None for values in (now, then)]
        missing = "" if now else "no reading in this period"
        found.append(Business(section.name, means[0], means[1], len(now), len(then), missing))
    return tuple(found)


@click.command()
@environment_option
@since_option
@until_option
@click.option(
    "--for", "reader", type=click.Choice(["executive", "technical", "business"]), default="technical", show_default=True
)
@form_options
@click.pass_obj
def report(
    project: Project, environment: str | None, since: str, until: datetime | None, reader: str, form: str | None,
    output: Path | None,
) -> None:  # fmt: skip
    """What a time was like: deployments, DORA, performance before and after, business, lessons."""
    from pilotage.report.period import Reader, report_of

    period = gathered(project, project.environment(environment), since, until)
    document = report_of(period, Reader(reader))
    show(document, {"schema": 1, "report": plain(document), **_figures(period.dora, period.told)}, form, output)


@click.command()
@environment_option
@since_option
@until_option
@click.option("--from-tags", metavar="PATTERN", help="From a repository's tags alone, such as 'v3.*'.")
@click.option("--repository", type=click.Path(path_type=Path, file_okay=False), help="With --from-tags: another one.")
@form_options
@click.pass_obj
def dora(
    project: Project, environment: str | None, since: str, until: datetime | None, from_tags: str | None,
    repository: Path | None, form: str | None, output: Path | None,
) -> None:  # fmt: skip
    """DORA's five figures, each with its interval, its n, and the rollouts that it counts."""
    from pilotage.report.period import dora_document

    if from_tags is not None:
        folder = repository or project.config.resolve().parent
        made, place, told, span = _from_tags(project.clock, folder, from_tags, since, until)
    else:
        name = project.environment(environment)
        period = gathered(project, name, since, until)
        made, place, told, span = period.dora, f"{period.service} in {name}", period.told, period.span
    show(dora_document(made, place, span, told), {"schema": 1, **_figures(made, told)}, form, output)


def _from_tags(
    clock: Clock, repository: Path, pattern: str, since: str, until: datetime | None
) -> tuple[Dora, str, tuple[Told, ...], str]:
    from pilotage.app.reports import dora_from_tags, period_of

    first, last = span_of(clock, since, until, "UTC")
    made = dora_from_tags(repository, *period_of(first, last, "UTC"), pattern)
    return made, repository.resolve().name, (), f"{first} to {last} (UTC)"


def _figures(made: Dora, told: tuple[Told, ...]) -> dict[str, Any]:
    from pilotage.report.dora import FORMULA

    return {
        "formula": FORMULA,
        "figures": [
            {**vars(f), "counted": list(f.counted), "excluded": [list(pair) for pair in f.excluded]}
            for f in made.figures
        ],
        "rollouts": [
            {"id": t.id, "version": t.version, "status": t.status, "seconds": t.seconds, "reason": t.reason}
            for t in told
        ],
    }


def plain(document: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(document)


@click.command()
@click.argument("rollout", required=False)
@environment_option
@form_options
@click.pass_obj
def incident(
    project: Project, rollout: str | None, environment: str | None, form: str | None, output: Path | None
) -> None:
    """What became of a release that hurt: timeline, impact, verdicts, what was kept, next steps.

    Without a rollout's id: the newest that was undone or failed.
    """
    from pilotage.app.reports import incident_from
    from pilotage.report.incident import incident_of

    found = _undone(project, project.environment(environment), rollout)
    made = incident_of(incident_from(project.store, found, project.loaded.configuration.calendar.zone))
    show(made, {"schema": 1, "incident": plain(made)}, form, output)


def _undone(project: Project, environment: str, rollout: str | None) -> Any:
    from pilotage.model.rollout import Status

    if rollout is not None:
        return project.rollout(environment, rollout)
    known = project.store.history(project.loaded.configuration.service, environment, limit=200)
    for one in known:
        if one.status in (Status.ROLLED_BACK, Status.FAILED, Status.ROLLING_BACK, Status.WITHDRAWN):
            return project.store.get(one.id)
    raise click.UsageError(f"nothing was undone in {environment}: there is no incident to tell of")


@click.command("serve-status")
@click.option("--listen", default="127.0.0.1:8092", show_default=True, help="Where the page is served.")
@click.option("--once", is_flag=True, help="Write the files and end; any web server serves them.")
@click.pass_obj
def serve_status(project: Project, listen: str, once: bool) -> None:
    """Write the public status page, keep it up to date, and serve it.

    It is files in `status_page.folder`: they stay, and say what was, when nothing of Pilotage runs.
    """
    from pilotage.app.publication import publication_of
    from pilotage.app.status_page import Publisher

    wanted = publication_of(project.whole)
    if wanted is None:
        raise click.UsageError(f"{project.config}: status_page: {{folder: public/status, environment: production}}")
    publisher = Publisher(project.store)
    publisher.renew(wanted, project.clock.now())
    click.echo(f"written: {wanted.folder}", err=True)
    if not once:
        _serve(Path(wanted.folder), listen, project.moment, lambda: publisher.renew(wanted, project.clock.now()))


def _serve(folder: Path, listen: str, since: datetime, renew: Any) -> None:
    import threading

    from pilotage.adapters.static_server import serve

    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port[:6]) < 65536):
        raise click.BadParameter(f"{listen!r} is not an address such as 127.0.0.1:8092", param_hint="--listen")
    with serve(folder, host, int(port)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        click.echo(f"http://{host}:{server.server_address[1]}/ since {since:%H:%M:%S} UTC", err=True)
        while True:
            time.sleep(2.0)
            try:
                renew()
            except Exception as error:
                # The page says what was known last; it must go on being served.
                click.echo(f"not renewed: {type(error).__name__}: {error}", err=True)
