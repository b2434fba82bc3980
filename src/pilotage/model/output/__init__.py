"""What commands print with `--json`, one class an output. Reference page: docs/reference/json.md.

An output is an API: add fields; rename or remove none without a new `SCHEMA`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.json import JsonObject
from pilotage.model.output.base import SCHEMA as SCHEMA
from pilotage.model.output.base import Output as Output
from pilotage.model.output.base import Part


def outputs() -> Mapping[str, type[Part]]:
    """By the command that prints it: the class of its output."""
    from pilotage.model.output import (
        backups,
        feedback,
        flags,
        hosts,
        people,
        phases,
        published,
        readiness,
        records,
        reference,
        release_report,
        reports,
        risk,
        rollouts,
        touched,
        trace,
        trains,
        waves,
        ways,
    )

    return {
        "status": rollouts.EnvironmentOutput,
        "status, of several environments": rollouts.StatusOutput,
        "history": rollouts.HistoryOutput,
        "events, deploy, watch: each line": rollouts.EventOutput,
        "watch --ticks: each tick": rollouts.TickOutput,
        "deploy --detach": rollouts.DetachedOutput,
        "explain": rollouts.ExplanationOutput,
        "ready": readiness.ReadinessOutput,
        "audit verify": readiness.AuditOutput,
        "plan --why": records.ReasonOutput,
        "plan --what-if, plan diff": records.ChangesOutput,
        "plan retarget": records.RetargetOutput,
        "judge": records.JudgeOutput,
        "drill": records.DrillOutput,
        "flag drill": flags.FlagDrillOutput,
        "flag experiment": flags.FlagExperimentOutput,
        "flag show": flags.FlagOutput,
        "flag stale": flags.StaleFlagsOutput,
        "announce list": records.AnnouncementsOutput,
        "announce accounts": records.AccountsOutput,
        "notify list": records.NotifyOutput,
        "phase list": phases.PhasesOutput,
        "way": ways.WaysOutput,
        "way VERSION": ways.WayOutput,
        "way events, way start --follow: each line": ways.WayEventOutput,
        "way start --detach": ways.WayStartedOutput,
        "train": trains.TrainOutput,
        "train departures --format json": trains.DeparturesOutput,
        "changed": touched.ChangedOutput,
        "followup list": records.FollowUpsOutput,
        "trace": trace.TraceOutput,
        "backup make, backup verify": backups.BackupOutput,
        "store backup, store verify": backups.StoreBackupOutput,
        "backup list": backups.BackupsOutput,
        "harm list, feedback list": feedback.UserReportsOutput,
        "doctor": records.DoctorOutput,
        "hosts": hosts.HostsOutput,
        "waves": waves.WavesOutput,
        "waves show": waves.WaveMembersOutput,
        "waves move": waves.MovedOutput,
        "logs: each line": hosts.LogLineOutput,
        "user list": people.PeopleOutput,
        "key show": records.KeyOutput,
        "adapters": reference.AdaptersOutput,
        "docs": reference.DocsOutput,
        "docs errors": reference.ErrorsOutput,
        "risk": risk.RiskOutput,
        "risk train": risk.TrainedOutput,
        "analysis import": risk.ImportedRulesOutput,
        "report --format json": reports.PeriodReportOutput,
        "report RELEASE --format json": release_report.ReleaseReportOutput,
        "dora --format json": reports.DoraOutput,
        "incident --format json": reports.IncidentOutput,
        "retro --format json": reports.RetrospectiveOutput,
        "report, dora, incident, retro --format json, of several environments": reports.OverviewOutput,
        "notes --format json": reports.NotesOutput,
        "webhooks: the body": published.WebhookOutput,
        "serve-status: the file status.json": published.StatusPageOutput,
    }


def schemas() -> JsonObject:
    """A JSON Schema (2020-12) of each output, by its class."""
    import msgspec

    named = outputs()
    shapes, parts = msgspec.json.schema_components(named.values(), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "anyOf": [{"title": command, **shape} for command, shape in zip(named, shapes, strict=True)],
        "$defs": parts,
    }
