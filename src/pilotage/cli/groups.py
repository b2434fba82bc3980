"""A command with subcommands that does something by itself, too: `plan VERSION` next to `plan diff`."""

from __future__ import annotations

from typing import Any

import click


class DefaultGroup(click.Group):
    """Without the name of a subcommand, `default` is used."""

    def __init__(self, *args: Any, default: str = "make", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and args[0] in self.commands
        return super().parse_args(ctx, args if named else [self._default, *args])


class Unnamed(click.Context):
    """Shows itself as its group."""

    @property
    def command_path(self) -> str:
        return self.parent.command_path if self.parent else ""
