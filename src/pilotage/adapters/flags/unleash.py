"""One release flag of an Unleash server, in one environment: our strategies, and whether the environment is on.

The flag goes off in one call, whatever the strategies say. It goes on while nobody has it, and reaches users after
that: Unleash gives a flag that goes on without a strategy to everyone, and a crash in between must not. So a flag that
is off while its strategies reach users was turned off by somebody else, or our call to tidy up did not get through.
"""

from __future__ import annotations

import contextlib

from pilotage.adapters.context import Context
from pilotage.adapters.flags import unleash_evaluation as evaluation
from pilotage.adapters.flags.remote import ChangedMeanwhile, Kept, understood, writing
from pilotage.adapters.flags.unleash_adapter import UnleashSection
from pilotage.adapters.flags.unleash_api import Edit, State, UnleashApi
from pilotage.adapters.flags.unleash_strategies import EVERYONE, Found, found, owner_of, same, wanted
from pilotage.adapters.ports import AdapterError
from pilotage.model.flag import OFF, Ramp
from pilotage.model.json import JsonObject, WrongJson
from pilotage.model.traffic import WHOLE


class UnleashFlags:
    """The Flags port. The flag must exist; Pilotage makes none."""

    def __init__(self, section: UnleashSection, context: Context) -> None:
        self._section, self._fence = section, context.fence
        self._name = f"flag {section.key} of Unleash ({section.environment})"
        self._owner = owner_of(context.service, context.environment)
        self._api = UnleashApi(section, context.secrets)
        self._kept = Kept[Ramp]()
        self._set: Ramp | None = None
        """What this controller set last."""
        self._confirmed: object = None

    def read(self) -> Ramp:
        if (kept := self._kept.get()) is not None and kept != OFF:
            return kept
        begun = self._kept.begin()
        with understood(self._name):
            state = self._api.state()
            ramp = self._reached(state) if state.on else self._off(state)
        self._kept.put(ramp, begun)
        return ramp

    def apply(self, ramp: Ramp) -> None:
        with writing(self._fence, ramp), understood(self._name):
            self._kept.forget()
            try:
                if ramp == OFF:
                    self._turn_off()
                else:
                    self._reach(ramp)
            finally:
                self._kept.forget()
            self._set = ramp

    def rehearse(self) -> None:
        """Turn the flag off where it is off: Unleash checks the token and changes nothing. Where it is on, only the
        permissions are read. Raises AdapterError."""
        with understood(self._name):
            state = self._api.state()
            self._api.refuse_unfit(state)
            self._ours(state)
            if state.on:
                self._api.refuse_unpermitted()
            else:
                self._fence.check()
                self._api.turn(on=False)

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────

    def _ours(self, state: State) -> Found:
        """The strategies. Raises AdapterError where somebody else has a part in whom they reach."""
        there = found(state.strategies, self._owner)
        if there.wrong:
            raise AdapterError(
                f"{self._name} {'; it '.join(there.wrong)}{self._by('feature-strategy-')}: restore it there, or end "
                "the release"
            )
        return there

    def _reached(self, state: State) -> Ramp:
        """Who has a flag that is on."""
        there = self._ours(state)
        if there.everyone is None:
            raise AdapterError(
                f"{self._name} is on without a strategy, so everyone has it{self._by('feature-')}: turn it off there, "
                "or run `pilotage flag kill`"
            )
        self._api.refuse_unfit(state)
        ramp = self._ramp_of(there)
        self._confirm(state, ramp)
        return ramp

    def _ramp_of(self, there: Found) -> Ramp:
        """A group that is not named any more still has it: the request that removes it did not get through. One whose
        rule is another in `pilotage.yaml` by now is another group."""
        left = tuple(name for name in there.groups if name not in there.ramp.groups)
        names = (*there.ramp.groups, *left)
        needed = self._strategies(Ramp(names, there.ramp.share))
        return Ramp(
            tuple(name if same(there.groups[name], needed[name]) else f"{name} by an older rule" for name in names),
            there.ramp.share,
        )

    def _off(self, state: State) -> Ramp:
        """Of a flag that is off. Raises AdapterError if somebody else turned it off while a release gave it to
        users."""
        reach = found(state.strategies, self._owner).ramp
        # What everyone has belongs to no release any more, unless this controller runs it.
        ended = self._set == OFF or (self._set is None and reach.share == WHOLE)
        if reach != OFF and not ended:
            self._refuse_if_turned_off()
        return OFF

    def _refuse_if_turned_off(self) -> None:
        """Raise AdapterError unless the account that wrote our strategies last turned the flag off. While this
        controller gives it to users, somebody else did, whatever the account: people share tokens."""
        edits = self._api.edits()
        off = next((one for one in edits if one.what == "feature-environment-disabled"), None)
        ours = next((one for one in edits if one.title.startswith(self._owner)), None)
        given = self._set is not None and self._set != OFF
        if given or off is None or ours is None or off.account != ours.account:
            raise AdapterError(
                f"{self._name} was turned off there{_signed(off)}: turn it on there to go on, or run `pilotage flag "
                "kill` to end the release"
            )

    def _by(self, kind: str) -> str:
        """Who edited it last, for a sentence; empty if Unleash does not tell."""
        edits = self._api.edits()
        return _signed(next((one for one in edits if one.what.startswith(kind)), None))

    def _confirm(self, state: State, ramp: Ramp) -> None:
        """Evaluate what is there, once for each content."""
        content = (str(state.strategies), ramp)
        if evaluation.installed() and content != self._confirmed:
            evaluation.confirm(self._section.key, state.strategies, ramp, self._section.stickiness)
            self._confirmed = content

    # ── writing ────────────────────────────────────────────────────────────────────────────────────────────

    def _strategies(self, ramp: Ramp) -> dict[str, JsonObject]:
        segments = {name: self._section.segment_of(name) for name in ramp.groups}
        return wanted(self._owner, ramp, self._section.key, self._section.stickiness, segments)

    def _turn_off(self) -> None:
        """One call. Those that follow make the strategies reach nobody, for whoever turns the flag on there later;
        without them it is off all the same."""
        self._api.turn(on=False)
        with contextlib.suppress(AdapterError, WrongJson):
            there = found(self._api.state().strategies, self._owner)
            if there.everyone is not None and not there.wrong:
                self._write(OFF, there)

    def _reach(self, ramp: Ramp) -> None:
        state = self._api.state()
        self._api.refuse_unfit(state)
        there = self._ours(state)
        if not state.on:
            if there.ramp != OFF:
                self._refuse_if_turned_off()
            self._write(OFF, there)
            self._fence.check()
            self._api.turn(on=True)
            there = self._ours(self._api.state())
        self._write(ramp, there)
        if (now := self._reached(self._api.state())) != ramp:
            raise ChangedMeanwhile(f"{self._name} was changed at the same time: now it is on for {now}", status=409)

    def _write(self, ramp: Ramp, there: Found) -> None:
        """Groups first, then the strategy that names them, then what it does not name any more."""
        needed = self._strategies(ramp)
        everyone = needed.pop(EVERYONE)
        for name, strategy in needed.items():
            self._put(there.groups.get(name), strategy)
        self._put(there.everyone, everyone)
        for one in (*there.surplus, *(one for name, one in there.groups.items() if name not in needed)):
            self._fence.check()
            self._api.remove(one)

    def _put(self, there: JsonObject | None, strategy: JsonObject) -> None:
        if there is None:
            self._fence.check()
            self._api.create(strategy)
        elif not same(there, strategy):
            self._fence.check()
            self._api.change(there, strategy)


def _signed(edit: Edit | None) -> str:
    return f" by {edit.by} at {edit.at}Z" if edit else ""
