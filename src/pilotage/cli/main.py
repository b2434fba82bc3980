"""The `pilotage` command: one table of commands, each imported when it is called."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import IO

import click

_GROUPS: dict[str, dict[str, tuple[str, str]]] = {
    "Set up": {
        "init": ("set_up", "Write a commented pilotage.yaml from a few answers."),
        "validate": ("set_up", "Check pilotage.yaml and list every error."),
        "doctor": ("set_up", "Check this machine, pilotage.yaml and its channels."),
        "docs": ("docs", "Explain settings and errors."),
        "schema": ("set_up", "Print the JSON Schema of pilotage.yaml, plans or output."),
        "adapters": ("adapters", "List the installed adapters and what each can do."),
        "completion": ("docs", "Print the completion script for bash, zsh or fish."),
        "demo": ("operate", "Watch a small shop release a good and a bad version."),
    },
    "Plan": {
        "plan": ("plan", "Show what a release would do, and why; compare plans."),
        "risk": ("risk", "Estimate how likely a range of commits needs a fix."),
        "ready": ("ready", "Show each readiness gate, its evidence and next step."),
        "phase": ("phase", "Track a scheduled release's phases; check its freeze."),
        "train": ("train", "Show the next release train and what is on board."),
        "changed": ("changed", "Say which services a range of commits touches."),
        "hotfix": ("hotfix", "Prepare a hotfix: branch, reverts and a plan."),
        "sign-off": ("sign_off", "Sign off an item that the plan requires of your role."),
        "waive": ("sign_off", "Waive a readiness item until a date, with a reason."),
    },
    "Release": {
        "deploy": ("deploy", "Plan a version, roll it out and follow it live."),
        "way": ("way", "Take a version along its stages, from commit to users."),
        "watch": ("deploy", "Follow the current rollout."),
        "status": ("records", "Show what is serving and what is rolling out."),
        "history": ("records", "List rollouts, newest first."),
        "events": ("records", "List a rollout's events; verify all records."),
        "trace": ("trace", "Show a version's way from its commit to its users."),
        "explain": ("records", "Explain why a rollout waits, failed or was rolled back."),
    },
    "Control a rollout": {
        "abort": ("control", "Roll back the rollout in progress, traffic first."),
        "rollback": ("control", "Return to the last good version."),
        "pause": ("control", "Hold the current weight; limits stay active."),
        "resume": ("control", "Continue after a pause, or despite an alert."),
        "promote": ("control", "Advance to the next step now."),
        "retry": ("control", "Restart this step's checks and analysis."),
        "approve": ("control", "Approve the step that is waiting."),
        "reject": ("control", "Reject the step that is waiting, and roll back."),
        "freeze": ("control", "Block new rollouts for a while; rollbacks are allowed."),
        "waves": ("waves", "Show waves of tenants; move a tenant to another one."),
        "flag": ("flag", "Show a release's flag, or turn it off for everyone."),
        "cleanup": ("control", "Delete a failed environment kept for debugging."),
        "drill": ("drill", "Practise a rollback and measure how long it takes."),
        "ci": ("ci", "Show plans, gates and deployments at GitHub or GitLab."),
    },
    "Communicate": {
        "notify": ("notify", "Show channels and messages; send a test; retry."),
        "alerts": ("alerts", "Send a test alert, and see whether it arrives."),
        "dashboard": ("dashboard", "Draw an environment for Grafana."),
        "announce": ("announce", "Preview, approve, send or skip the plan's announcements."),
        "harm": ("harm", "List, confirm and dismiss problems of users."),
        "feedback": ("harm", "List users' feedback; invite the team to its survey."),
        "notes": ("notes", "Write release notes and CHANGELOG.md from git."),
        "serve-status": ("report", "Write and serve the public status page."),
        "serve-intake": ("harm", "Receive users' reports and feedback."),
        "serve-feeds": ("notify", "Serve the feeds of in-app messages."),
        "serve-callbacks": ("notify", "Receive approvals and aborts from Slack's buttons."),
    },
    "Learn": {
        "report": ("report", "Report on a period: deployments, DORA, performance."),
        "dora": ("report", "Show DORA's five metrics and the rollouts behind them."),
        "incident": ("incident", "Write the incident report for a rolled-back release."),
        "retro": ("retro", "Write the fact sheet and agenda of a retrospective."),
        "followup": ("retro", "Track follow-up actions from retrospectives."),
        "meeting": ("meeting", "Show, move and cancel meetings; record attendance."),
        "judge": ("judge", "Replay past metrics: when would it have rolled back?"),
        "analysis": ("judge", "Import analysis rules from Argo Rollouts."),
    },
    "Operate": {
        "login": ("login", "Sign this command line in to a server."),
        "logout": ("login", "Forget the token of a server."),
        "serve": ("serve", "Serve web pages, the REST API and the event stream."),
        "worker": ("operate", "Run the worker in the foreground, for systemd."),
        "logs": ("logs", "Show and follow what instances write."),
        "hosts": ("hosts", "Show each host: reachable, versions, disk, clock."),
        "exec": ("hosts", "Run a command on a host or in an instance."),
        "down": ("operate", "Stop the worker, routers and all instances."),
        "adopt": ("adopt", "Move an environment to this folder or machine."),
        "backup": ("backup", "Back up the service's database; prove that it restores."),
        "scaffold": ("scaffold", "Print systemd units, an image, alert rules, a dashboard."),
        "store": ("store", "Back up and restore Pilotage's own records and keys."),
        "prune": ("operate", "Delete old messages, reports and logs; keep all records."),
        "user": ("user", "List accounts of the server; invite, recover, disable."),
        "key": ("key", "Show or replace the key that signs records."),
        "auth": ("auth", "Give and list roles; say why somebody may do something."),
        "token": ("auth", "Make, list and revoke tokens for programs."),
        "audit": ("audit", "Show and verify who changed what; verify bundles."),
    },
}
_COMMANDS = {name: command for group in _GROUPS.values() for name, command in group.items()}


_WORDS = {"help": "--help", "version": "--version", "man": "--help"}
"""Words that people try in place of an option."""


_NOBODY = ("worker", "serve", "serve-callbacks", "serve-intake")
"""Commands that carry out what others ask."""

COMPLETING = "_PILOTAGE_COMPLETE"
"""The environment variable by which a shell asks what it may complete."""


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

    def show(self, file: IO[str] | None = None) -> None:
        click.echo(f"pilotage: {self.message}", file=file, err=file is None)


class _Lazy(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        from pilotage.model.errors import PilotageError

        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read has seen enough, as `head` has. What is left of the output goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise click.exceptions.Exit(141) from None
        except click.NoSuchOption as error:
            from pilotage.cli.renamed import renamed_option

            where = error.ctx.command_path if error.ctx else ""
            if said := renamed_option(where, error.option_name):
                raise click.UsageError(said, error.ctx) from None
            raise
        except PilotageError as error:
            if _run.debug:
                raise
            raise _Told(error) from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click passes it
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # as above
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(f"pilotage.cli.{_COMMANDS[cmd_name][0]}"), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        if COMPLETING in os.environ:
            from pilotage.cli.completing import complete_values

            complete_values(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click passes it
        width = max(map(len, _COMMANDS))
        for title, commands in _GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS:
            from difflib import get_close_matches

            from pilotage.cli.renamed import COMMANDS

            if args[0] in _WORDS:
                raise click.UsageError(f"there is no command {args[0]!r}; run `pilotage {_WORDS[args[0]]}`", ctx)
            if args[0] in COMMANDS:
                raise click.UsageError(f"`pilotage {args[0]}` is now `pilotage {COMMANDS[args[0]]}`", ctx)
            close = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"; did you mean {close[0]}?" if close else "; list them with `pilotage --help`"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="pilotage", message="pilotage %(version)s")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    default=Path("pilotage.yaml"),
    envvar="PILOTAGE_CONFIG",
    help="Configuration file. State is kept in .pilotage next to it.",
)
@click.option("-s", "--service", envvar="PILOTAGE_SERVICE", help="Service, if pilotage.yaml has several.")
@click.option(
    "--debug", is_flag=True, envvar="PILOTAGE_DEBUG", expose_value=False, is_eager=True, callback=_keep_debug,
    help="Show the traceback of an internal error.",
)  # fmt: skip
@click.pass_context
def cli(ctx: click.Context, config: Path, service: str | None) -> None:
    """Plan a release, roll it out gradually, and roll it back automatically when it hurts users.

    \b
    New here?  pilotage demo, then pilotage init
    Learn more: pilotage docs, pilotage COMMAND --help

    \b
    Exit status
      0  done                             6  timed out; the rollout continues
      1  internal error                   7  conflict with the current state
      2  wrong usage or configuration     8  forbidden
      3  not ready                        9  a dependency is missing or down
      4  failed and rolled back          10  cannot be verified
      5  failed, manual action needed
    `events --verify` and `audit verify` exit with 1 if a record was changed.
    """
    from pilotage.app.auditing import in_shell
    from pilotage.app.project import Project
    from pilotage.cli.edge import guard

    ctx.call_on_close(guard())
    ctx.obj = Project(config, service, warn=lambda sentence: click.echo(sentence, err=True))
    if "PILOTAGE_ASKED_FD" in os.environ:
        from pilotage.cli.for_client import asked_for

        ctx.obj = asked_for(ctx.obj, cli, sys.argv[1:])
    if ctx.invoked_subcommand not in _NOBODY:
        ctx.call_on_close(in_shell(ctx.obj, str(ctx.invoked_subcommand)))


def _run_here_or_there(words: list[str]) -> None:
    if "PILOTAGE_SERVER" in os.environ and "PILOTAGE_ASKED_FD" not in os.environ:
        from pilotage.cli.client import goes_to_server, run_on_server
        from pilotage.model.errors import PilotageError

        if goes_to_server(cli, words):
            try:
                sys.exit(run_on_server(cli, words))
            except PilotageError as error:
                raise _Told(error) from error
    cli(standalone_mode=False)


def main() -> None:
    """Run, and turn every error into one sentence and an exit status."""
    from pilotage.cli.edge import guard, texts

    guard()
    # A command runs for moments, mostly loading modules: garbage collection would take a tenth of the time.
    gc.set_threshold(50_000, 20, 20)
    if COMPLETING in os.environ:
        from pilotage.cli.completing import complete_values

        complete_values(cli)
    try:
        _run_here_or_there(texts(sys.argv[1:]))
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
