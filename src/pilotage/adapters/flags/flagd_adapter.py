"""`flag: {kind: flagd}`, the default kind: a file of definitions in flagd's format."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Flags
from pilotage.adapters.registry import Adapter
from pilotage.config.kinds import FlagSection
from pilotage.model.capabilities import FlagsCapabilities


class FlagdSection(FlagSection):
    """The feature flag of a feature-toggle release, in a file in flagd's format."""

    kind: Literal["flagd"] = "flagd"
    file: str = Field(
        description="File with flag definitions in flagd's format. Services evaluate them through OpenFeature."
    )


def _open(section: FlagdSection, context: Context) -> Flags:
    from pilotage.adapters.flags.flagd_file import FlagdFile

    return FlagdFile(context.folder / section.file, section.key, context.fence)


ADAPTER = Adapter(section=FlagdSection, capabilities=FlagsCapabilities(), open=_open)
