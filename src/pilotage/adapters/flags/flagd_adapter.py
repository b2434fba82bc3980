"""`flag: {kind: flagd}`, the default kind: a file of definitions in flagd's format."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Flags
from pilotage.adapters.registry import Adapter
from pilotage.config.kinds import FlagSection
from pilotage.model.capabilities import FlagsCapabilities
from pilotage.model.finding import Finding


class FlagdSection(FlagSection):
    """The feature flag of a feature-toggle release, in a file in flagd's format."""

    kind: Literal["flagd"] = "flagd"
    file: str = Field(
        description="File with flag definitions in flagd's format. Services evaluate them through OpenFeature."
    )

    @model_validator(mode="after")
    def _flat(self) -> FlagdSection:
        for name, conditions in self.segments.items():
            for one in conditions:
                if "." in one.attribute:
                    outer = one.attribute.partition(".")[0]
                    raise ValueError(
                        f"segment {name}: flagd looks for {one.attribute} within an object {outer}, so nobody with an "
                        "attribute of this name is in the segment: use a name without a dot"
                    )
        return self


def _open(section: FlagdSection, context: Context) -> Flags:
    from pilotage.adapters.flags.flagd_file import FlagdFile

    return FlagdFile(context.folder / section.file, section.key, context.fence, section.segment_of)


def _examine(section: FlagdSection, context: Context) -> Iterable[Finding]:
    """The file, and the algorithm: what services evaluate by is theirs to say (`pilotage.openfeature`)."""
    from pilotage.adapters.flags.bucketing import own

    what = f"flag {section.key}"
    try:
        ramp = _open(section, context).read()
    except AdapterError as error:
        yield Finding("FAIL", what, str(error))
        return
    reach = f"{section.file} gives it to {ramp.share / 10:g} % of users"
    yield Finding("PASS", what, f"{reach}; Pilotage divides them by the algorithm {own()}")


ADAPTER = Adapter(section=FlagdSection, capabilities=FlagsCapabilities(), open=_open, examine=_examine)
