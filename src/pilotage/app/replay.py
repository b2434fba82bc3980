"""The judge on figures of the past, and rules of another tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pilotage.app.output import write_file
from pilotage.judge import argo
from pilotage.judge.counts import CountJudge
from pilotage.judge.figures import grow_like_counters, looks_of, samples_of
from pilotage.judge.gauges import GaugeJudge
from pilotage.judge.replay import replay, replay_gauge
from pilotage.judge.rules import Rule
from pilotage.model.errors import Invalid
from pilotage.model.observation import VerdictKind
from pilotage.model.output.records import JudgeOutput
from pilotage.model.output.risk import ImportedRulesOutput, RuleOutput
from pilotage.model.quantity import parse_share
from pilotage.render.charts import picture
from pilotage.render.judge_chart import gauge_chart, ratio_chart
from pilotage.render.scale import LEGEND, ratio_scale


class BadFile(Invalid):
    """A file that you named cannot be read."""


@dataclass(frozen=True, kw_only=True)
class ReplayRequest:
    """source: a CSV, or a Prometheus range as JSON · max_ratio: smaller ratios are not harm · false_positive_rate:
    probability of calling a good canary bad, such as 0.1% · limit: a rate that is always harm · cumulative: the counts
    are growing counters · factor: for a gauge, smaller ratios are not harm · picture: an SVG to draw."""

    source: Path
    max_ratio: float = 1.25
    false_positive_rate: str = "0.1%"
    limit: str | None = None
    cumulative: bool = False
    factor: float = 2.0
    picture: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Judged:
    """harm: whether it would have been rolled back · scale: the ratio drawn in a line; empty for a gauge · output: the
    same for programs."""

    harm: bool
    sentence: str
    notes: tuple[str, ...]
    output: JudgeOutput
    scale: str = ""


def replay_counts(request: ReplayRequest) -> Judged:
    """When Pilotage would have rolled back, and how many users that would have spared. Raises BadFile, OSError."""
    source = request.source
    try:
        limit = parse_share(request.limit) if request.limit else None
        judge = CountJudge(request.max_ratio, parse_share(request.false_positive_rate), limit)
        looks = looks_of(_text(source), cumulative=request.cumulative)
        done = replay(looks, judge)
    except ValueError as error:
        raise BadFile(f"{source}: {error}") from None
    if request.picture is not None:
        write_file(request.picture, picture(ratio_chart(done, f"{source.name}: canary against stable")))
    notes = tuple(done.notes)
    if not request.cumulative and grow_like_counters(looks):
        notes += ("every number grows from row to row: if they are counters, add --cumulative",)
    decided = done.decided
    shown = (decided or done.moments[-1]).verdict
    return Judged(
        harm=decided is not None and decided.verdict.kind is VerdictKind.FAIL,
        sentence=done.sentence,
        notes=notes,
        scale=f"1/64× {ratio_scale(shown.ratio, shown.interval, request.max_ratio)} 256×\n{LEGEND}",
        output=JudgeOutput(
            verdict=decided.verdict.kind.value if decided else None,
            detected_after_seconds=decided.at - done.began if decided else None,
            affected_users=decided.hurt if decided else done.moments[-1].hurt,
            spared_users=done.spared,
            ticks=len(done.moments),
            sentence=done.sentence,
            notes=notes,
        ),
    )


def replay_samples(request: ReplayRequest) -> Judged:
    """The same of samples of a gauge. Raises BadFile, OSError."""
    source = request.source
    try:
        judge = GaugeJudge(source.stem, request.factor, parse_share(request.false_positive_rate))
        done = replay_gauge(samples_of(_text(source)), judge)
    except ValueError as error:
        raise BadFile(f"{source}: {error}") from None
    if request.picture is not None:
        write_file(request.picture, picture(gauge_chart(done, f"{source.name}: canary and stable")))
    return Judged(
        harm=bool(done.decided),
        sentence=done.sentence,
        notes=tuple(done.notes),
        output=JudgeOutput(
            verdict="fail" if done.decided else None,
            detected_after_seconds=done.decided[0].at - done.samples[0].at if done.decided else None,
            sentence=done.sentence,
        ),
    )


def _text(source: Path) -> str:
    """Spreadsheets put a mark before the first letter, and "Unicode text" of Excel and PowerShell is UTF-16."""
    content = source.read_bytes()
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None


@dataclass(frozen=True, kw_only=True)
class ImportedRules:
    """lines: `template/rule: the rule in words` · left: `template: what cannot be imported, and why` · warnings: about
    imported rules · section: `analysis:` for pilotage.yaml, with the address of a Prometheus; empty without one ·
    output: the same for programs."""

    lines: tuple[str, ...]
    left: tuple[str, ...]
    warnings: tuple[str, ...]
    section: str
    output: ImportedRulesOutput


def import_rules(source: Path, prometheus: str | None, values: Mapping[str, str]) -> ImportedRules:
    """Of the AnalysisTemplates in a YAML file. values: of their arguments. Raises BadAnalysisTemplate, BadFile."""
    try:
        text = source.read_text(encoding="utf-8-sig")
        found = argo.templates_of(text, str(source), values)
    except UnicodeDecodeError as error:
        raise BadFile(f"{source}: {error}") from None
    rules = {name: made.rules for name, made in found.items()}
    unused = tuple(
        f"--arg {name}: no template has an argument {name}"
        for name in values
        if not any(form.format(name) in text for form in ("args.{}", "name: {}", '"name": "{}"'))
    )
    blind = tuple(
        f"{name}: the query of {rule.name} names no version: add {{version}}, or it measures both versions together"
        for name, made in rules.items()
        for rule in made
        if "{version}" not in rule.query and "{stable_version}" not in rule.query
    )
    left = tuple(f"{name}: {said}" for name, made in found.items() for said in made.left)
    return ImportedRules(
        lines=tuple(f"{name}/{rule.name}: {argo.in_words(rule)}" for name, made in rules.items() for rule in made),
        left=left,
        warnings=(*unused, *blind),
        section=argo.section_of(prometheus, argo.with_names_of_their_own(rules)) if prometheus else "",
        output=ImportedRulesOutput(
            templates={name: tuple(map(_rule, made)) for name, made in rules.items()},
            not_imported=left,
            warnings=(*unused, *blind),
        ),
    )


def _rule(rule: Rule) -> RuleOutput:
    return RuleOutput(
        name=rule.name,
        query=rule.query,
        success_condition=rule.success.text if rule.success else None,
        failure_condition=rule.failure.text if rule.failure else None,
        interval_seconds=rule.interval,
        initial_delay_seconds=rule.initial_delay,
        count=rule.count,
        failure_limit=rule.failure_limit,
        inconclusive_limit=rule.inconclusive_limit,
        consecutive_error_limit=rule.consecutive_error_limit,
        consecutive_success_limit=rule.consecutive_success_limit,
        dry_run=rule.dry_run,
    )
