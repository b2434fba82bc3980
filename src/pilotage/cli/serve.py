"""`serve`: web pages, REST API and event stream."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from pilotage.app.project import Project
from pilotage.cli.options import address


@click.command()
@click.option("--listen", default="127.0.0.1:8420", show_default=True, help="Address and port.")
@click.option("--url", default="", help="How browsers reach it, if a proxy is in between.")
@click.option("--root-path", default="", help="The path under which a proxy shows it, such as /pilotage.")
@click.option(
    "--proxy", "proxies", multiple=True, metavar="ADDRESS", help="Believe X-Forwarded-For of this proxy. Repeatable."
)
@click.option("--certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="TLS: PEM file.")
@click.option("--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="TLS: its private key.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), help="Of the log on standard error. Default: PILOTAGE_LOG."
)
@click.option("--worker/--no-worker", default=True, help="Whether rollouts run on this machine too.")
@click.pass_obj
def serve(
    project: Project, listen: str, url: str, root_path: str, proxies: tuple[str, ...], certificate: Path | None,
    key: Path | None, log_format: str | None, worker: bool,
) -> None:  # fmt: skip
    """Serve web pages, the REST API and the event stream, with a worker.

    Everybody signs in, on this machine too. The first start prints a link that makes the owner's account.

    The worker outlives the server, so that users stay watched: `pilotage worker --stop` stops it.
    """
    from pilotage.app.server_extra import needed

    with needed():
        from pilotage.web.serving import Listening, serve, without_path
    if log_format is not None:
        os.environ["PILOTAGE_LOG"] = log_format  # for the worker that it starts, too
    host, port = address(listen)
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key belong together")
    origin, path = without_path(url)
    if url and not origin.startswith(("http://", "https://")):
        raise click.BadParameter("use an address such as https://releases.example.com", param_hint="--url")
    root = f"/{root_path.strip('/')}" if root_path.strip("/") else path
    if path not in ("", root):
        raise click.UsageError(f"--url has the path {path} and --root-path {root}: give one of them")
    wanted = Listening(
        host=host, port=port, url=origin, root=root, certificate=certificate, key=key, proxies=proxies,
        worker=worker,
    )  # fmt: skip
    serve(project, wanted, _say)


def _say(sentence: str) -> None:
    """To whoever started it: as a line of the log where that is JSON."""
    if os.environ.get("PILOTAGE_LOG") == "json":
        logging.getLogger("pilotage.sign_ins").info(sentence)
    else:
        click.echo(sentence, err=True)
