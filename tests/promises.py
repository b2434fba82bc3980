"""What plans promise, the code that keeps each promise, and the test that shows it.

A row: the part of a plan, a pattern of its strings, `module:name` of the code below `pilotage`, and `file::test` below
`tests`. `unit/plan/test_promises.py` walks plans of every answer: a string without a row is not to be in a plan.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    part: str
    pattern: str
    """Of the whole string, as a regular expression."""
    keeper: str
    proof: str


def _of(part: str, *rows: tuple[str, str, str]) -> tuple[Promise, ...]:
    return tuple(Promise(part, *row) for row in rows)


_BLUE_GREEN = "e2e/test_strategies.py::test_r12_blue_green_checks_the_preview_switches_at_once_and_keeps_the_old"
_BLUE_BACK = "e2e/test_strategies.py::test_r12_after_the_switch_errors_bring_the_old_environment_back"
_KEPT = "e2e/test_strategies.py::test_r12_a_failed_check_keeps_users_out_and_the_failed_environment_for_study"
_ROLLING = "e2e/test_strategies.py::test_r14_rolling_replaces_in_batches_and_users_notice_nothing"
_ROLLING_BACK = "e2e/test_strategies.py::test_r14_the_first_bad_batch_stops_and_walks_back"
_BIG_BANG = "e2e/test_strategies.py::test_r15_big_bang_closes_replaces_verifies_opens"
_BIG_BANG_BACK = "e2e/test_strategies.py::test_r15_a_bad_big_bang_is_restored_behind_the_page"
_TOGGLE = "e2e/test_strategies.py::test_r16_the_code_goes_out_dark_and_the_flag_reaches_everyone"
_TOGGLE_OFF = "e2e/test_strategies.py::test_r16_harm_of_the_flag_turns_it_off_and_the_code_stays_dark"
_DARK = (
    "e2e/test_functions.py::test_r16_dark_code_without_its_pages_is_probed_and_redeployed_before_anybody_has_the_flag"
)
_WAVES = "e2e/test_waves.py::test_r33_each_wave_gets_it_in_turn_and_the_one_that_fails_goes_back_alone"
_CANARY = "e2e/test_commands.py::test_a_life_of_releases"
_CANARY_BACK = "e2e/test_demo.py::test_a_bad_release_is_caught_at_five_percent_and_undone_without_help"
_UNCHECKED = "e2e/test_unchecked.py::test_r12_low_risk_refuses_what_nobody_checks_until_it_is_configured_or_waived"
_APPROVAL = "unit/rollout/test_approvals.py::test_c17_no_user_has_it_before_the_approval_and_everybody_after_it"
_WATCHED = "unit/rollout/test_canary.py::test_no_verdict_at_all_is_not_a_pass"
_HARM = "unit/rollout/test_canary.py::test_c1_critical_is_undone_at_once_and_the_rest_as_the_tolerance_says"
_AFTERMATH = (
    "e2e/test_aftermath.py::"
    "test_r21_within_a_minute_of_each_rollback_its_document_evidence_tasks_and_review_are_there_once"
)
_TOLD = (
    "e2e/test_announcements.py::"
    "test_nothing_that_speaks_of_success_is_received_of_an_undone_release_and_whoever_was_told_hears_of_it"
)
_PEOPLE = "unit/app/test_peoples_items.py::"
_ALERTS = "contract/test_alerts_fire.py::test_each_alert_fires_for_its_own_fault_and_arrives"

NEEDS = _of(
    "needs",
    (
        r"\d+ healthy canary instances?",
        "rollout.strategies.canary:_awaits_canaries",
        "unit/rollout/test_canary.py::test_rule_2_no_traffic_before_the_canary_is_healthy",
    ),
    (r"\d+ of \d+ instances stay healthy", "rollout.checking:_old_is_healthy", _ROLLING),
    (r"batch \d+ is healthy", "rollout.strategies.rolling:Rolling.proven", _ROLLING_BACK),
    (
        r"a business stakeholder other than the author|a person other than the author",
        "rollout.checking:awaits_approval",
        _APPROVAL,
    ),
    (r"errors below .* and p95 below .*, or not worse than stable", "judge.release:ReleaseJudge", _WATCHED),
    (
        r"no critical alert of the service",
        "rollout.watching:hold_on_alerts",
        "e2e/test_alerts.py::test_a_critical_alert_holds_a_silenced_one_does_not_and_one_about_the_version_rolls_back",
    ),
    (r"every check passed", "rollout.checking:awaits_check", _BIG_BANG),
    (r"every preview check passed", "rollout.checking:awaits_check", _KEPT),
    (r"flag-on is not worse than flag-off", "engine.execution.judges:judge_of_flag", _TOGGLE_OFF),
    (r"no user request reaches the service", "rollout.strategies.big_bang:_awaits_close", _BIG_BANG),
    (r"the flag exists and is off", "rollout.strategies.feature_toggle:_awaits_dark_deployment", _TOGGLE),
    (r"the inactive environment is free", "app.preconditions:check_may_begin", _BLUE_GREEN),
    (
        r"the version can be started",
        "app.startable:check_startable",
        "e2e/test_commands.py::test_a_command_that_cannot_be_started_is_said_in_words",
    ),
    (r"verified behind the maintenance page", "rollout.checking:awaits_check", _BIG_BANG_BACK),
    (r"evidence of harm below 20 to 1", "rollout.strategies.canary:_hold_of_the_ramp", _WATCHED),
)

ACTIVITIES = _of(
    "activity of a step",
    (r"resource_doubling", "rollout.checking:_there_is_room", _BLUE_GREEN),
    (
        r"backup_procedures",
        "adapters.backups.making:Backups.verify",
        "e2e/test_backups.py::test_r15_a_lossy_big_bang_is_undone_and_returns_all_rows",
    ),
    (
        r"(internal|beta)_testing|gradual_rollout|full_release",
        "rollout.strategies.feature_toggle:_awaits_ramp",
        _TOGGLE,
    ),
    (r"big-bang_deployment", "rollout.strategies.big_bang:_awaits_replacement", _BIG_BANG),
    (r"maintenance_page_on", "rollout.strategies.big_bang:_awaits_close", _BIG_BANG),
    (r"maintenance_page_off", "rollout.strategies.big_bang:_awaits_opening", _BIG_BANG),
    (r"maintenance_window_scheduled", "rollout.checking:_inside_the_window", _BIG_BANG),
    (r"business_stakeholder_approval", "rollout.checking:awaits_approval", _APPROVAL),
    (r"phase_\d+", "rollout.shifting:awaits_split", _CANARY),
    (r"deploy_to_inactive_environment", "rollout.shifting:awaits_instances", _BLUE_GREEN),
    (r"switch_traffic_to_green", "rollout.shifting:awaits_split", _BLUE_GREEN),
    (r"keep_blue_environment_ready", "rollout.strategies.blue_green:_awaits_end_of_readiness", _BLUE_GREEN),
    (r"schedule_blue_environment_cleanup", "rollout.shifting:awaits_retirement", _BLUE_GREEN),
    (r"validate_green_environment_health|execute_health_checks", "rollout.checking:_new_is_healthy", _BLUE_GREEN),
    (r"verify_monitoring_systems", "rollout.checking:_monitoring_answers", _BLUE_GREEN),
    (
        r"synchronize_database_state|warm_up_application_caches|run_smoke_tests_on_green|"
        r"validate_application_functionality",
        "rollout.checking:awaits_check",
        _UNCHECKED,
    ),
    (
        r"validate_user_experience",
        "judge.probes:ProbeBook",
        "contract/test_probes.py::"
        "test_a_version_whose_pages_are_gone_fails_within_three_rounds_though_it_says_it_is_well",
    ),
    (r"monitor_application_metrics|monitor_overall_system_health", "rollout.watching:awaits_watch", _WATCHED),
    (r"feature-toggle_deployment", "rollout.strategies.feature_toggle:_awaits_dark_deployment", _TOGGLE),
    (r"kill_switches", "adapters.flags.flagd_file:FlagdFile.rehearse", _TOGGLE),
    (r"ensure_minimum_healthy_instances", "rollout.checking:_old_is_healthy", _ROLLING),
    (r"prepare_rollback_artifacts", "rollout.checking:_old_is_there", _ROLLING),
    (r"validate_deployment_package", "rollout.checking:awaits_check", _UNCHECKED),
    (
        r"select_next_batch_of_instances|deploy_new_version_to_batch|restore_traffic_to_healthy_instances|"
        r"drain_traffic_from_selected_instances|repeat_until_all_instances_updated",
        "rollout.walking:desired",
        _ROLLING,
    ),
    (r"run_health_checks_on_batch", "rollout.strategies.rolling:Rolling.proven", _ROLLING_BACK),
    (r"wait_for_batch_stabilization", "rollout.watching:awaits_watch", _ROLLING),
    (r"verify_all_instances_healthy", "rollout.checking:_new_is_healthy", _ROLLING),
)

UNDOING = _of(
    "way back",
    (
        r"let the canary finish its open requests \(.*\)",
        "rollout.shifting:awaits_drain",
        "unit/rollout/test_canary.py::test_the_way_back_is_traffic_then_drain_then_stop",
    ),
    (r"stop the canary|stop the preview|stop mirroring", "rollout.strategies.canary:Canary.undo", _CANARY_BACK),
    (r"send all requests to stable", "rollout.strategies.canary:Canary.undo", _CANARY_BACK),
    (r"send (waves? .*|everyone else) back to stable", "rollout.harm:withdraw", _WAVES),
    (
        r"(start stable again|start the old environment again), then send all requests to it",
        "rollout.shifting:stable_instances",
        "unit/rollout/test_canary.py::test_weight_never_exceeds_capacity_on_the_way_back",
    ),
    (
        r"(send|switch) all requests (back )?to the old environment",
        "rollout.strategies.blue_green:BlueGreen.undo",
        _BLUE_BACK,
    ),
    (r"validate the old environment", "rollout.strategies.blue_green:BlueGreen.undo", _BLUE_BACK),
    (r"keep the failed environment running for debugging", "rollout.strategies.blue_green:_keep_for_study", _KEPT),
    (
        r"turn the flag off for everyone|leave the code deployed with its flag off",
        "rollout.strategies.feature_toggle:FeatureToggle.undo",
        _TOGGLE_OFF,
    ),
    (
        r"redeploy the earlier version( instead where a probe or a check of the code fails)?",
        "rollout.strategies.feature_toggle:_take_back_the_code",
        _DARK,
    ),
    (
        r"start no further batch|roll back (every batch|this batch, then the earlier ones|"
        r"the updated instances batch by batch: .*)",
        "rollout.strategies.rolling:Rolling.undo",
        _ROLLING_BACK,
    ),
    (
        r"verify that every instance runs the old version and is healthy",
        "rollout.strategies.rolling:restored",
        _ROLLING_BACK,
    ),
    (r"notify everyone who was informed of the release", "app.announcing:_notify", _TOLD),
    (
        r"prepare a hotfix",
        "app.hotfix:prepare",
        "unit/app/test_hotfix.py::test_r21_a_hotfix_begins_at_what_serves_and_names_what_the_failed_version_brought",
    ),
    (
        r"show every user the maintenance page|open the service|"
        r"restore the backup and (start )?the old version(, then open)?|"
        r"verify the restored state|close, restore, open; .*|open again with the old version|nothing to undo",
        "rollout.strategies.big_bang:BigBang.undo",
        _BIG_BANG_BACK,
    ),
)

TRIGGERS = _of(
    "trigger",
    (r"error rate above .* and above that of .*: at once", "judge.limit:LimitStream", _HARM),
    (
        r"an instance of .* exits: at once",
        "rollout.harm:guard_against_harm",
        "unit/rollout/test_canary.py::test_a_dead_canary_instance_is_undone_with_its_last_words",
    ),
    (
        r"(more broken sessions|fewer conversions|slower external services|"
        r"more database connections in use|less satisfied users) than .*",
        "judge.signals:SignalBook",
        "unit/judge/test_signals.py::test_a_loss_of_conversions_is_harm_and_an_unchanged_noisy_rate_is_not",
    ),
    (r"a later wave exceeds a limit, also a critical one: .*", "rollout.harm:guard_against_harm", _WAVES),
    (
        r"a critical alert (that names the new version: at once|of the service: .*)",
        "rollout.watching:hold_on_alerts",
        "e2e/test_alerts.py::test_a_critical_alert_holds_a_silenced_one_does_not_and_one_about_the_version_rolls_back",
    ),
    (
        r"processor time above .*",
        "judge.resources:ProcessorJudge",
        "unit/judge/test_release.py::test_r19_a_canary_that_burns_the_processor_fails",
    ),
    (r"(error rate|p95 latency|memory) above .*", "rollout.harm:guard_against_harm", _HARM),
    (r"the service is closed for .*: at once", "rollout.strategies.big_bang:BigBang.note", _BIG_BANG_BACK),
    (r"a probe or a check of the dark code fails: .*", "rollout.strategies.feature_toggle:_code_fails", _DARK),
    (
        r"a critical function that `probes` names fails: at once",
        "judge.probes:ProbeBook",
        "contract/test_probes.py::"
        "test_a_version_whose_pages_are_gone_fails_within_three_rounds_though_it_says_it_is_well",
    ),
    (
        r"more than .* as many users as usual report a problem: .*",
        "rollout.watching:hold_on_complaints",
        "e2e/test_intake.py::test_twenty_reports_against_two_a_day_hold_a_canary_and_one_confirmed_undoes_it",
    ),
    (
        r"the same of signed reports that name the new version: .*",
        "engine.execution.complaints:Complaints",
        "unit/rollout/test_complaints.py::test_signed_reports_that_name_the_version_are_harm_by_the_tolerance",
    ),
    (
        r"an operator confirms a reported problem: at once",
        "rollout.commands:first_to_undo",
        "unit/rollout/test_complaints.py::test_a_confirmed_report_rolls_back_at_any_step_with_its_cause",
    ),
    (
        r"at 100 %, worse than .* in the past, .*",
        "rollout.harm:worse_than_the_past",
        "e2e/test_functions.py::test_after_a_switch_they_are_compared_with_the_past_and_a_person_decides",
    ),
    (
        r"no data or no clear result for .*",
        "rollout.watching:hold_on_evidence",
        "unit/rollout/test_canary.py::test_rule_5_a_dead_source_holds_first_and_is_never_a_pass",
    ),
)

_READY = "e2e/test_readiness.py::test_r5_r6_deploy_begins_when_everything_is_ready"
_SIGNED = "e2e/test_readiness.py::test_r5_r6_deploy_begins_when_everything_is_ready"

EVIDENCE = _of(
    "readiness item",
    (
        r"alerting_configuration",
        "app.readiness.alert_delivery:_delivered",
        "contract/test_alert_test.py::test_a_test_alert_arrives_and_is_evidence_that_ready_takes",
    ),
    (
        r"backup_procedures",
        "readiness.backups:restore",
        "contract/test_backups.py::test_r5_the_gate_and_the_commands_take_a_backup_of_ones_own",
    ),
    (
        r"(business_stakeholder|engineering)_signoff|(product_owner|devops)_approval|qa_validation|"
        r"support_team_readiness",
        "readiness.gates:gate",
        _SIGNED,
    ),
    (
        r"production_approval",
        "app.approvals:approved_already",
        "unit/rollout/test_approvals.py::test_who_signed_off_before_the_start_is_not_asked_again",
    ),
    (
        r"code_review_completion",
        "readiness.reviews:unreviewed",
        "contract/test_reviews.py::test_github_tells_who_approved_last_and_is_not_the_author",
    ),
    (
        r"unit_test_coverage|integration_test_coverage|static_analysis_passing|"
        r"security_scan_passing|performance_benchmarks|"
        r"deployment_automation|rollback_mechanism|runbook_documentation|flag_registered",
        "readiness.gates:gate",
        _READY,
    ),
    (r"environment_parity", "readiness.parity:differences", _READY),
    (r"monitoring_instrumentation", "app.readiness.health:monitoring", _READY),
    (r"maintenance_window_scheduled", "app.readiness.records:_window", _READY),
    (
        r"compliance_validation|security_assessment|compliance_impact_assessment|training_materials|"
        r"incident_response_plan",
        "app.readiness.documents:_of_release",
        f"{_PEOPLE}test_a_document_is_signed_as_it_reads",
    ),
    (
        r"support_documentation",
        "app.readiness.documents:_changed",
        f"{_PEOPLE}test_a_page_answers_and_names_the_version",
    ),
    (
        r"change_management_approval",
        "app.readiness.documents:_ticket",
        f"{_PEOPLE}test_r6_a_change_is_approved_where_the_ticket_system_says_so",
    ),
    (
        r"support_team_training",
        "app.readiness.documents:_people",
        f"{_PEOPLE}test_training_names_everyone_of_the_role_with_a_date",
    ),
    (
        r"communication_plan",
        "app.readiness.states:_communication",
        f"{_PEOPLE}test_r5_a_communication_plan_of_drafts_cannot_be_signed",
    ),
    (
        r"feature_announcements",
        "app.readiness.states:_features",
        f"{_PEOPLE}test_r6_announcements_are_scheduled_by_their_state_and_not_by_a_word",
    ),
    (r"tenant_(notices|waves)", "app.readiness.states:_delivered", f"{_PEOPLE}test_r6_a_sign_off_names_its_items"),
    (
        r"release_notes",
        "app.readiness.states:_notes",
        f"{_PEOPLE}test_r6_c19_the_notes_are_signed_as_they_read_and_another_draft_voids_that",
    ),
    (
        r"migration_plan",
        "app.readiness.states:_migration",
        "unit/plan/test_kinds.py::test_r4_high_impact_wants_a_migration_plan_by_type_or_by_change",
    ),
    (
        r"emergency_change_record",
        "app.signoffs:sign_off",
        f"{_PEOPLE}test_r4_c18_an_emergency_is_told_in_words_and_reviewed_within_48_hours",
    ),
)

_PHASES = "unit/app/test_phases.py::test_r9_every_activity_and_milestone_has_an_id_an_owner_and_gates_that_its_plan_has"

PHASES = _of(
    "activity of a phase or milestone",
    (
        r"Feature freeze",
        "app.feature_freeze:check_range",
        "e2e/test_phases.py::test_after_the_freeze_the_hook_refuses_a_feature_and_lets_a_fix_pass",
    ),
    (
        r"Go/No-go decision made",
        "app.activities:_decision",
        "unit/app/test_phases.py::test_go_no_go_is_a_decision_of_the_release_manager_and_no_go_keeps_the_release_back",
    ),
    (r"[a-z_]+|[A-Z].*", "app.phase_reminders:PhaseReminders", _PHASES),
)

AROUND = _of(
    "afterwards",
    (
        r"notify stakeholders of the release's id, status and duration",
        "report.telling:message_of",
        "e2e/test_telling.py::test_r21_a_release_that_is_undone_is_told_once_on_every_channel",
    ),
    (
        r"post-deployment validation: every instance runs the new version and is healthy, and no limit was exceeded",
        "rollout.stepping:_how_it_completed",
        _WATCHED,
    ),
    (
        r"incident response: open the incident, notify people, document it",
        "report.telling:incident_of",
        "e2e/test_learning.py::test_r21_r24_r25_what_happened_is_told_with_its_numbers",
    ),
    (r"roll back as planned", "rollout.undoing:roll_back", _CANARY_BACK),
    (r"at once: open an incident and notify everyone who was informed of the release", "app.announcing:_notify", _TOLD),
    (r"at once: validate the version that serves and watch it; .*", "app.stability:Stability", _AFTERMATH),
    (
        r"at once: write the incident document with its duration and numbers, and bundle the evidence",
        "app.incidents:write_down",
        _AFTERMATH,
    ),
    (
        r"within 5 working days: hold a blameless review, to which its guests are invited",
        "app.meetings:keep_review",
        _AFTERMATH,
    ),
    (r"(immediate|short-term|long-term), within \d+ working days?: .*", "app.aftermath:_add_tasks", _AFTERMATH),
    (r"before the next release: complete these tasks; .*", "app.readiness.assessment:_actions", _AFTERMATH),
)

ALERTS = _of(
    "alert and its action",
    (r"high_error_rate immediate_rollback", "judge.limit:LimitStream", _ALERTS),
    (r"performance_degradation investigation_required", "rollout.harm:withdraw", _ALERTS),
    (
        r"low_success_rate deployment_pause",
        "engine.execution.success:SuccessRate",
        "e2e/test_alerts.py::test_a_low_success_rate_of_both_versions_pauses_and_says_the_number",
    ),
    (
        r"canary_health_check_failed stop_canary_rollout",
        "rollout.canaries:too_few_ready",
        "e2e/test_alerts.py::test_with_one_of_four_canaries_not_ready_no_user_is_on_any_until_it_is",
    ),
    (
        r"no_data hold",
        "rollout.watching:hold_on_evidence",
        "unit/rollout/test_canary.py::test_rule_5_a_dead_source_holds_first_and_is_never_a_pass",
    ),
    (
        r"slack|email|pagerduty|teams",
        "render.routes:to_routes",
        "contract/test_alert_routes.py::test_every_alert_goes_to_the_channels_that_it_names",
    ),
)

JUDGED = _of(
    "judged",
    (r"application_error_rate|response_time_p95", "judge.release:ReleaseJudge", _CANARY_BACK),
    (r"memory_utilization", "judge.resources:MemoryJudge", _HARM),
    (
        r"database_connection_pool|external_service_latency|user_session_health|business_conversion_rate",
        "judge.signals:SignalBook",
        "unit/rollout/test_strategies.py::test_r16_a_toggle_compares_its_code_while_dark_and_its_flag_after_that",
    ),
)

STAGES = _of(
    "activity of a stage",
    (
        r"(canary|rolling|blue-green|big-bang|feature-toggle)_deployment|health_checks",
        "rollout.machine:decide",
        _CANARY,
    ),
    (r"monitoring_validation", "rollout.watching:awaits_watch", _WATCHED),
)

MESSAGES = _of(
    "channel of a message",
    (
        r"documentation",
        "adapters.notify.documentation:Documentation",
        "contract/test_notifiers.py::test_the_page_of_a_version_says_what_is_so_now",
    ),
    (
        r"social media",
        "adapters.notify.mastodon:Mastodon",
        "contract/test_notifiers.py::test_a_post_is_read_back_by_another_client",
    ),
    (
        r"in-app",
        "adapters.notify.in_app:InApp",
        "e2e/test_kinds.py::test_4a_users_read_of_a_version_in_the_application_that_has_it",
    ),
    (
        r"webinar|meeting",
        "adapters.notify.invitation:add_invitation",
        "contract/test_invitations.py::"
        "test_r22_an_announced_webinar_has_its_date_and_link_and_is_for_whom_the_mail_goes_to",
    ),
    (
        r"e-mail|document|survey|personal message",
        "adapters.notify.email:Email",
        "contract/test_notifiers.py::test_4a_each_of_a_list_gets_a_mail_of_their_own_with_a_way_out",
    ),
    (
        r"status page",
        "app.status_page:Publisher",
        "unit/app/test_publishing.py::test_4a_the_status_pages_message_is_an_entry_of_page_json_and_feed",
    ),
    (r"chat", "adapters.notify.slack:Slack", "contract/test_notifiers.py::test_a_message_is_addressed_and_secured"),
    (r"every channel used before", "app.announcing:_notify", _TOLD),
)

MOMENTS = _of(
    "moment of a message",
    (
        r"\d+ (working days?|hours) (before|after) (full exposure|the start of the rollout)",
        "app.announcing:proceed",
        _TOLD,
    ),
    (r"at (the start of the rollout|full exposure|a rollback)", "app.announcing:proceed", _TOLD),
)

ON_CALL = _of(
    "duty on call",
    (
        r"act|answer|reachable",
        "adapters.notify.pagerduty:PagerDuty",
        "contract/test_notifiers.py::test_pagerduty_opens_one_incident_and_resolves_it",
    ),
)

_FIGURES = "unit/app/test_retrospectives.py::test_r25_the_team_its_training_its_runbooks_and_its_process"

LOOK_BACK = (
    *_of(
        "look back",
        (r"a blameless review within 5 working days of any rollback", "app.meetings:keep_review", _AFTERMATH),
        (
            r"(weekly|monthly|quarterly|yearly): .*",
            "app.followup_looks:FollowUpLooks",
            "unit/app/test_followup_looks.py::"
            "test_r26_a_year_has_52_digests_12_effects_4_quarters_and_1_year_each_once_though_the_worker_dies_at_each",
        ),
    ),
    *_of(
        "figure of a retrospective",
        (
            r"Successful deployments|Rolled-back deployments|Time to recovery|Deployment duration",
            "report.dora:dora_of",
            _FIGURES,
        ),
        (
            r"Escaped bugs|Customer-reported issues|Performance regressions|Security vulnerabilities|Team satisfaction|"
            r"Documentation completeness|Training completed|Readiness items with evidence",
            "report.retro:fact_sheet",
            _FIGURES,
        ),
    ),
)

FACTS = _of(
    "fact",
    (
        r"high: comprehensive testing and a migration plan",
        "plan.readiness:requirements_of",
        "unit/plan/test_kinds.py::test_r4_a_release_of_high_impact_is_tested_comprehensively",
    ),
    (
        r"(medium: standard|low: focused) testing.*|critical: expedited, with focused validation|"
        r"variable: controlled .*",
        "plan.kinds:facts_of",
        "unit/plan/test_kinds.py::test_r4_changes_beyond_the_scope_of_the_type_are_a_conflict",
    ),
    (
        r"\d+–\d+ (weeks|days)",
        "plan.kinds:begun",
        "unit/plan/test_kinds.py::test_r4_planning_that_should_have_begun_is_told",
    ),
)

PROMISES: tuple[Promise, ...] = (
    *NEEDS,
    *JUDGED,
    *ACTIVITIES,
    *UNDOING,
    *TRIGGERS,
    *EVIDENCE,
    *PHASES,
    *STAGES,
    *AROUND,
    *ALERTS,
    *MESSAGES,
    *MOMENTS,
    *ON_CALL,
    *LOOK_BACK,
    *FACTS,
)
