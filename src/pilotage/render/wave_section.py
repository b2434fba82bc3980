"""Waves of tenants in a plan, and as they are today: tables with counts and the first names, never all of them."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.model.document import Section
from pilotage.model.output.waves import MoveOutput, WaveOutput, WavesOutput
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.timestamp import timestamp
from pilotage.model.traffic import WHOLE
from pilotage.model.wave import WaveUndo
from pilotage.model.wave_move import Move
from pilotage.model.wave_view import WaveRow, WavesView
from pilotage.plan.tenant_waves import first_names
from pilotage.render.days import show_instant

TITLES = ("WAVE", "TENANTS", "SHARE", "BAKE", "STARTS", "STATE")

# ── of a plan ──────────────────────────────────────────────────────────────────────────────────────────────


def waves_section(plan: Plan) -> Section:
    assert plan.tenancy is not None
    alone = plan.tenancy.undo is WaveUndo.FAILED
    taken = "its own users" if alone else "all users"
    rows = tuple(
        (
            wave.name, first_names(wave), "–" if wave.rest else f"{len(wave.members):,}",
            format_share(wave.share / WHOLE), format_duration(wave.bake) if wave.bake else "with the next",
            show_instant(wave.not_before) if wave.not_before else "–",
        )
        for wave in plan.waves
    )  # fmt: skip
    sentences = (f"By the header {plan.tenancy.header}. A wave that fails takes {taken} back to stable.",)
    headers = ("wave", "who", "tenants", "share", "bake", "not before")
    return Section("waves", "Waves", sentences, headers, rows, numbers=("tenants", "share"))


# ── as they are today ──────────────────────────────────────────────────────────────────────────────────────


def rows_of(view: WavesView) -> Iterator[tuple[str, ...]]:
    for wave in view.waves:
        count = "everyone else" if wave.members is None else f"{wave.members:,}"
        bake = format_duration(wave.bake_seconds) if wave.bake_seconds else "-"
        yield wave.name, count, f"{wave.share_percent:g} %", bake, _start(wave), wave.state or "-"


def _start(wave: WaveRow) -> str:
    if wave.starts:
        return show_instant(wave.starts)
    return f"day {wave.day}" if wave.day else "-"


def sentences_of(view: WavesView) -> Iterator[str]:
    for move in view.moves:
        why = f" ({move.reason})" if move.reason else ""
        yield f"{move.tenant} gets releases with {move.to} until {move.until}, {move.actor} says{why}"
    if view.outdated:
        yield f"{view.rollout}: {view.outdated}"


def output_of(view: WavesView) -> WavesOutput:
    return WavesOutput(
        environment=view.environment, rollout=view.rollout, version=view.version, outdated=view.outdated,
        waves=tuple(
            WaveOutput(
                name=wave.name, tenants=wave.members, share_percent=wave.share_percent, bake_seconds=wave.bake_seconds,
                day=wave.day, starts_at=wave.starts.isoformat() if wave.starts else None, state=wave.state,
            )
            for wave in view.waves
        ),
        moves=tuple(map(move_output, view.moves)),
    )  # fmt: skip


def move_output(move: Move) -> MoveOutput:
    return MoveOutput(
        tenant=move.tenant, wave=move.to, last_day=move.until.isoformat(), actor=move.actor, reason=move.reason,
        recorded_at=timestamp(move.at),
    )  # fmt: skip
