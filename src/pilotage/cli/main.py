"""The `pilotage` command: one table of commands, each imported when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from pilotage import __version__

_COMMANDS = {
    "init": ("setting_up", "Write a commented pilotage.yaml from six answers."),
    "validate": ("setting_up", "Check pilotage.yaml; every error at once."),
    "schema": ("setting_up", "Print the JSON Schema of pilotage.yaml, of a plan, or of events."),
    "adapters": ("adapters", "List the installed adapters, with what each can do."),
    "doctor": ("setting_up", "Check this machine, this configuration and its channels."),
    "plan": ("planning", "Show what releasing a version would do, and why; compare and move plans."),
    "risk": ("risking", "How likely a range of changes needs a repair, and why."),
    "ready": ("readying", "Whether a version may be released: every gate, its evidence, what is next."),
    "sign-off": ("signing_off", "Sign off what the plan wants of your role."),
    "waive": ("signing_off", "Go on without one item for a while, with a reason."),
    "audit": ("readying", "Check a bundle of evidence, offline."),
    "key": ("keying", "The key that signs records and bundles: show it, rotate it."),
    "deploy": ("running", "Plan a version and roll it out, watching."),
    "watch": ("running", "Follow the rollout under way."),
    "status": ("reading", "What serves and what rolls out now."),
    "history": ("reading", "Rollouts, newest first."),
    "events": ("reading", "Everything that happened in a rollout."),
    "explain": ("reading", "Why a rollout waits, failed or was undone."),
    "pause": ("commanding", "Stay at the present weight; limits stay live."),
    "resume": ("commanding", "Go on after a pause."),
    "promote": ("commanding", "Go on to the next step now."),
    "abort": ("commanding", "Undo the rollout under way."),
    "rollback": ("commanding", "Go back to the last good version."),
    "retry": ("commanding", "Begin the watch of this step again."),
    "approve": ("commanding", "Approve the step that waits for it."),
    "reject": ("commanding", "Refuse the step that waits for approval."),
    "clean": ("commanding", "Remove a failed environment that was kept for study."),
    "freeze": ("commanding", "Let nothing begin for a while; rolling back stays allowed."),
    "drill": ("drilling", "Undo a release for real, and measure how long it takes."),
    "flag": ("flagging", "Read a release's flag, or turn it off for everyone at once."),
    "notify": ("notifying", "Channels: how they do, what was sent, what to send again."),
    "serve-callbacks": ("notifying", "Take what people press in Slack: approve, reject, abort."),
    "notes": ("noting", "What changed, for whom, from git; CHANGELOG.md and the next version."),
    "announce": ("announcing", "The plan's communication calendar: preview, edit, approve, send, skip."),
    "report": ("reporting", "What a time was like: deployments, DORA, performance, business."),
    "dora": ("reporting", "DORA's five figures, and the rollouts that each counts."),
    "incident": ("reporting", "What became of a release that hurt, as a document."),
    "serve-status": ("reporting", "Write the public status page, and serve it."),
    "retro": ("retrospecting", "The fact sheet and agenda of a retrospective."),
    "action": ("retrospecting", "What retrospectives resolved to do: add, done, list, export."),
    "judge": ("judging", "Judge the past: when would a rollback have come?"),
    "analysis": ("judging", "Read analysis rules of Argo Rollouts."),
    "worker": ("operating", "Execute rollouts in the foreground."),
    "adopt": ("adopting", "Make this folder the home of an environment that runs elsewhere."),
    "prune": ("operating", "Remove old messages and logs; the audit chain stays."),
    "down": ("operating", "Stop worker, routers and instances."),
    "demo": ("operating", "See two releases of a small shop: one good, one bad."),
}


class _Run:
    """Of this process."""

    debug = False


_run = _Run()


def _keep_debug(_ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    _run.debug = value


class _Told(click.ClickException):
    """An error as one sentence, with its exit status."""

    def __init__(self, error: Exception) -> None:
        from pilotage.app.errors import exit_status

        status, sentence = exit_status(error)
        super().__init__(sentence)
        self.exit_code = status  # type: ignore[misc]  # declared for the class, meant for each

    def show(self, file: Any = None) -> None:
        click.echo(f"pilotage: {self.message}", err=True)


class _Lazy(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        from pilotage.model.errors import PilotageError

        try:
            return super().invoke(ctx)
        except PilotageError as error:
            if _run.debug:
                raise
            raise _Told(error) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"pilotage.cli.{_COMMANDS[cmd_name][0]}"), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"; did you mean {close[0]}?" if close else "; `pilotage --help` lists them"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="pilotage %(version)s")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    default=Path("pilotage.yaml"),
    envvar="PILOTAGE_CONFIG",
    help="The configuration; the state lies in .pilotage beside it.",
)
@click.option("-s", "--service", envvar="PILOTAGE_SERVICE", help="The service, when the configuration has several.")
@click.option(
    "--debug", is_flag=True, envvar="PILOTAGE_DEBUG", expose_value=False, is_eager=True, callback=_keep_debug,
    help="Show the traceback of an internal error.",
)  # fmt: skip
@click.pass_context
def cli(ctx: click.Context, config: Path, service: str | None) -> None:
    """Plan a release, roll it out gradually, undo it by itself when it hurts users.

    Exit status: 0 done · 1 internal error · 2 usage or configuration · 3 not ready · 4 failed and rolled back ·
    5 failed, a person is needed · 6 timed out, still running · 7 conflict · 8 forbidden · 9 a dependency is
    unreachable · 10 cannot be verified. In `events --verify` and `audit verify` 1 means changed.
    """
    from pilotage.app.project import Project
    from pilotage.cli.edge import guard

    ctx.call_on_close(guard())
    ctx.obj = Project(config, service, warn=lambda sentence: click.echo(sentence, err=True))


def main() -> None:
    """Run, and turn every error into one sentence and an exit status."""
    from pilotage.cli.edge import guard

    guard()
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        if _run.debug:
            raise
        told = _Told(error)
        told.show()
        sys.exit(told.exit_code)


if __name__ == "__main__":
    main()
