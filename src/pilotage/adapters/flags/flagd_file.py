"""One release flag in a file of flag definitions in flagd's format (https://flagd.dev/reference/flag-definitions).

Services evaluate it in their own process through OpenFeature. `targetingKey` identifies a user. The bucket of a
user is a hash of flag and key. "on" comes first, so a larger share only adds users (flagd's fractional operation:
murmur3, scaled to the sum of the weights).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.alone import alone_in
from pilotage.adapters.fence import Fence
from pilotage.adapters.files import replace_if_unchanged
from pilotage.adapters.flags import bucketing
from pilotage.adapters.flags.flagd_definition import SegmentOf, definition_of, ramp_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.taken_back import refuse_older_ramp
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import Json, JsonObject, entries, find, object_at
from pilotage.model.sampling import sampled
from pilotage.model.segment import group
from pilotage.model.traffic import WHOLE, percent

if TYPE_CHECKING:
    from openfeature.contrib.tools.flagd.core import FlagdCore

_SAMPLE = 2000
_TRIES = 20


class FlagdFile:
    """The Flags port. file: the definitions · key: the flag; it is made, off, where it does not exist · segment_of: the
    rule of a name in a ramp's groups."""

    def __init__(self, file: Path, key: str, fence: Fence, segment_of: SegmentOf = group) -> None:
        self._file, self._key, self._fence, self._segment_of = file, key, fence, segment_of
        self._evaluated: JsonObject = {}

    def read(self) -> Ramp:
        flag = self._definitions().get(self._key)
        if flag is None:
            return OFF
        ramp = ramp_of(flag, self._segment_of)
        if ramp is None:
            raise AdapterError(
                f"{self._file}: the flag {self._key} has a rule that Pilotage did not write; it is left alone: restore "
                "it, or end the release"
            )
        self._evaluate(ramp)
        return ramp

    def apply(self, ramp: Ramp) -> None:
        self._fence.check()
        with alone_in(self._file.parent):
            refuse_older_ramp(self._fence.place, ramp)
            for _ in range(_TRIES):
                before = self._content()
                definitions = self._parsed(before)
                flags = entries(object_at, definitions, "flags")
                flag = flags.get(self._key)
                if flag is not None and ramp_of(flag, self._segment_of) == ramp:
                    return
                flags[self._key] = {**(flag or {}), **definition_of(ramp, self._segment_of)}
                flags[bucketing.KEY] = bucketing.PROBE
                content = json.dumps({**definitions, "flags": flags}, indent=1, sort_keys=True).encode()
                # Editors and other tools do not take this lock, so what they saved meanwhile is read again.
                if replace_if_unchanged(self._file, before, content):
                    return
        raise AdapterError(f"{self._file} is changed continually by other programs: flag {self._key} was not set")

    def rehearse(self) -> None:
        """Test the kill switch on a copy, with a test user: on, then off. Raises AdapterError if it fails."""
        for ramp, wanted in ((Ramp((), WHOLE), True), (OFF, False)):
            evaluator = _evaluator({self._key: definition_of(ramp)})
            if _answer(evaluator, self._key, "pilotage-test-user") is not wanted:
                raise AdapterError(f"the flag {self._key} does not turn {'on' if wanted else 'off'} for a test user")

    def _definitions(self) -> Mapping[str, JsonObject]:
        """By flag."""
        return entries(object_at, self._parsed(self._content()), "flags")

    def _content(self) -> bytes | None:
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AdapterError(f"{self._file} cannot be read: {error.strerror}") from None

    def _parsed(self, content: bytes | None) -> JsonObject:
        try:
            found: Json = None if content is None else json.loads(content)
        except (ValueError, RecursionError) as error:
            raise AdapterError(f"{self._file} cannot be read: {error}") from None
        if content is not None and found is None:
            raise AdapterError(f"{self._file} has no `flags`")
        found = found if found is not None else {"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": {}}
        flags = find(found, "flags")
        if not isinstance(found, Mapping) or not isinstance(flags, Mapping):
            raise AdapterError(f"{self._file} has no `flags`")
        if wrong := [name for name, flag in flags.items() if not isinstance(flag, Mapping)]:
            raise AdapterError(f"{self._file}: the flag {wrong[0]} is no definition of a flag")
        return found

    def _evaluate(self, ramp: Ramp) -> None:
        """What the definition says must also be what an evaluation answers, for a sample of users' keys. Once for each
        definition. Raises AdapterError."""
        definition = definition_of(ramp, self._segment_of)
        if definition == self._evaluated:
            return
        evaluator = _evaluator({self._key: definition})
        found = sampled(
            lambda numbers: sum(_answer(evaluator, self._key, f"user-{n}") for n in numbers),
            _SAMPLE,
            ramp.share / WHOLE,
        )
        if not found.fits:
            raise AdapterError(
                f"the flag {self._key} is on for {found.on} of {found.asked} users, not for {percent(ramp.share):g} %"
            )
        self._evaluated = definition_of(ramp, self._segment_of)


def _evaluator(flags: JsonObject) -> FlagdCore:
    from openfeature.contrib.tools.flagd.core import FlagdCore

    core = FlagdCore()
    core.set_flags({"flags": flags})
    return core


def _answer(core: FlagdCore, key: str, user: str) -> bool:
    from openfeature.evaluation_context import EvaluationContext

    return bool(core.resolve_boolean_value(key, False, EvaluationContext(targeting_key=user)).value)
