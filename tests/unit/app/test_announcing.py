"""Announcements (R22): drafts with real facts in anybody's words, approved by their owners, sent once, nagged about."""

from __future__ import annotations

import json
import subprocess
import time
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jinja2 import DictLoader

from pilotage.app import announcements as announcing
from pilotage.app.announcement_text import own_templates
from pilotage.app.announcing import proceed
from pilotage.cli.main import cli
from pilotage.engine.records import announcements, outbox
from pilotage.engine.records.announcements import remind
from pilotage.engine.records.store import Store
from pilotage.model.announcement import Announced, State
from pilotage.model.json import text_at
from pilotage.plan.communication import _CALENDAR, _OPERATIONS
from pilotage.render.announcement import BadTemplate, announcement, template_of
from tests.clock import FakeClock

ITEMS = sorted({draft.id for drafts in _CALENDAR.values() for draft in drafts} | {d.id for d in _OPERATIONS})
FACTS = """
    release service version type day scope impact strategy undo downtime downtime_short
    way_back if_harmful in_waves compared first
    plan before reason outcome artifact report_url feedback_url webinar risk
"""
WORDS = dict.fromkeys(FACTS.split(), "")
NOTHING: dict[str, Any] = {
    **WORDS, "known": False, "measured": [],
    "adopted": [], "signed": [], "highlights": [], "breaking": [], "sections": [],
    "security": [], "dependencies": 0, "deliverables": [], "mitigations": [], "support": [],
    "values": [], "affected": [], "success": [],
}  # fmt: skip
FULL: dict[str, Any] = {
    **{name: f"<{name}>" for name in WORDS}, "known": True, "adopted": [("users of gift cards", "2 %")],
    "measured": [("error rate", "0.1 %, before 0.2 %")],
    "signed": ["qa_validation: bob"], "highlights": ["Coupons"], "breaking": ["Net prices: call price(net=True)"],
    "sections": [("Features", ["Coupons"])], "security": ["Close CVE-2026-1"], "dependencies": 3,
    "deliverables": [("Features", ["Coupons"]), ("Integration and API", ["GET /orders: is gone"])],
    "mitigations": [("Tests completed", "412 passed")], "support": [("Documentation", "https://docs.example")],
    "values": ["Less churn"], "affected": ["Who pays"], "success": ["errors below 0.1 %"],
}  # fmt: skip


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_of_the_calendar_has_a_template_that_says_only_what_is_known(item: str) -> None:
    empty, full = announcement(item, NOTHING), announcement(item, FULL)
    assert empty
    assert "None" not in empty
    assert "[" not in empty, "nothing is left for somebody to fill in"
    assert full != empty


def test_c10_nothing_is_promised_of_changes_that_nobody_knows() -> None:
    assert "You do not need to do anything" not in announcement("release_announcement", NOTHING)
    assert "You do not need to do anything" in announcement("release_announcement", {**NOTHING, "known": True})


PROMISES = (
    "[", "another wave", "where to report", "marked as coming", "with a tour", "Updated on", "what we have learned",
)  # fmt: skip
"""Words that nothing kept."""


@pytest.mark.parametrize("item", ITEMS)
def test_neither_template_nor_draft_promises_what_nothing_keeps(item: str) -> None:
    """No way to answer, no date, no digest and no evidence is spoken of where there is none."""
    drafts = {d.id: d.text for drafts in (*_CALENDAR.values(), _OPERATIONS) for d in drafts}
    for text in (announcement(item, NOTHING), drafts[item]):
        assert [words for words in PROMISES if words in text] == []
    empty = announcement(item, NOTHING)
    assert "digest" not in empty
    assert "http" not in empty


def test_own_templates_go_first_and_those_of_the_language_before_them() -> None:
    own = DictLoader({"social_media.j2": "ours: {{ version }}", "de/social_media.j2": "unsere: {{ version }}"})
    assert announcement("social_media", FULL, [own]) == "ours: <version>"
    assert announcement("social_media", FULL, [own], "de") == "unsere: <version>"
    assert announcement("customer_feedback", FULL, [own], "de") == announcement("customer_feedback", FULL)
    assert "{{ version }}" in template_of("social_media")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ ''.__class__.__mro__ }}", "may not have|unsafe"),
        ("{{ highlights.append('x') }}", "may not have|unsafe|not safely"),
        ("{{ nothing }}", "undefined"),
        ("{% if %}", "j2:1|social_media:1"),
        ("{% include '/etc/passwd' %}", "passwd|template"),
        ("{{ range(10) }}", "undefined"),
        ("{{ 'x' * 300000 }}", "works on numbers only"),
        ("{% for a in sections %}{% for b in release %}{{ downtime }}{% endfor %}{% endfor %}" * 5000, "the limit is"),
        ("{{ version / 0 }}", "TypeError"),
    ],
)
def test_a_template_reaches_nothing_but_its_facts(source: str, words: str) -> None:
    with pytest.raises(BadTemplate, match=words):
        announcement("social_media", FULL, [DictLoader({"social_media.j2": source})])


TEN = "0123456789"


def loops(variables: str, body: str = "") -> str:
    """The body in a loop of ten for each variable."""
    return "".join(f"{{% for {a} in '{TEN}' %}}" for a in variables) + body + "{% endfor %}" * len(variables)


@pytest.mark.parametrize(
    "source",
    [
        "{{ '{:>400000000}'.format(1) }}",
        "{{ '%400000000d' % 1 }}",
        "{{ '%*d' % (400000000, 1) }}",
        "{{ '%400000000d'|format(1) }}",
        "{{ 'a'.center(400000000) }}",
        "{{ 'a'.ljust(400000000) }}",
        "{{ 'a'|center(400000000) }}",
        "{{ 'a'|indent(400000000, true) }}",
        "{{ 'a'|indent(width=400000000) }}",
        "{{ ('a' ~ '\\n' ~ 'b')|wordwrap(1, wrapstring='x'.ljust(900)) * 2 }}",
        "{{ 3 * 'a' }}",
        "{{ [1] * 400000000 }}",
        "{{ ('\t'.zfill(900)).expandtabs(900) }}",
        "{% set a = 'aaaaaaaaaaaaaaaa' %}" + "{% set a = a ~ a %}" * 40 + "{{ a|length }}",
        "{% set a = 'aaaaaaaaaaaaaaaa' %}" + "{% set a = a + a %}" * 40 + "{{ a|length }}",
        "{% set a = 'aaaaaaaaaaaaaaaa' %}" + "{% set a = a|replace('a', a) %}" * 8 + "{{ a|length }}",
        "{% set a = ['aaaaaaaaaaaaaaaa'] %}" + "{% set a = a + a %}" * 40 + "{{ a|length }}",
        "{% set a = 99999999999 %}" + "{% set a = a * a %}" * 40 + "{{ a > 1 }}",
        loops("abcdef"),
        "".join(f"{{% for {a} in '{TEN}' if {a} %}}" for a in "abcdef") + "{% endfor %}" * 6,
        "{% set x %}" + loops("abcd", "y" * 9_000) + "{% endset %}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
        "{% include 'social_media.j2' %}{% include 'social_media.j2' %}",
        "{% for a in 'ab' recursive %}{{ loop('ab') }}{% endfor %}",
        "{{ 'a'|map('center', 400000000)|list }}",
        "{{ 'x'|join('y'|center(900)) }}{% set a = 'b'|center(1000)|list|join('c'|center(1000)) %}",
        "x" * 60_000,
    ],
    ids=range(28),
)  # fmt: skip
def test_a_template_uses_little_time_and_memory(source: str) -> None:
    """Widths, products, joined texts, loops and calls are counted before they are made."""
    tracemalloc.start()
    try:
        with pytest.raises(BadTemplate):
            announcement("social_media", FULL, [DictLoader({"social_media.j2": source})])
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


def test_what_templates_need_still_works() -> None:
    source = (
        "{% for h in highlights %}{{ loop.index }}. {{ h|upper|replace('a', 'b')|truncate(20) }}\n{% endfor %}"
        "{{ '%-10s|%5.1f' % ('a', 1.5) }} {{ ['a', 'b']|join(', ') }} {{ 'a' ~ 1 ~ 'b' }} {{ 2 * 3 + 1 }} "
        "{{ 'x'|center(5) }}"
        "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m('y') }} {{ ['b', 'a']|sort|first }} {{ 'a b'.split()|length }}"
    )
    text = announcement(
        "social_media", {**FULL, "highlights": ["one", "two"]}, [DictLoader({"social_media.j2": source})]
    )
    assert text == "1. ONE\n2. TWO\na         |  1.5 a, b a1b 7   x  <y> a 2"


def test_a_link_in_the_folder_of_templates_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "inside.j2").write_text("fine")
    (folder / "secret.j2").symlink_to(tmp_path / "secret")
    for source in ("{% include 'secret.j2' %}", "{% include '../secret' %}", "{% include '/etc/passwd' %}"):
        (folder / "social_media.j2").write_text(source)
        with pytest.raises(BadTemplate, match="is outside"):
            announcement("social_media", FULL, [own_templates(folder)])
    (folder / "social_media.j2").write_text("{% include 'inside.j2' %}")
    assert announcement("social_media", FULL, [own_templates(folder)]) == "fine"


def test_hostile_facts_are_text() -> None:
    text = announcement("social_media", {**FULL, "version": "{{ ''.__class__ }}<script>"})
    assert "{{ ''.__class__ }}<script>" in text


# ── the commands ───────────────────────────────────────────────────────────────────────────────────────────

CONFIGURATION = {
    "service": "shop",
    "answers": {
        "release_type": "minor", "deployment_strategy": "canary", "team_size": "medium", "release_frequency": "weekly",
        "risk_tolerance": "medium", "stakeholder_complexity": ["customer-facing"],
    },
    "people": {"eve": {"roles": ["communications manager"]}, "bob": {"roles": ["QA lead"]}},
    "notify": [
        {"kind": "webhook", "name": "customers", "url": "https://example.org/in", "secret": "secret://env/S",
         "audiences": ["customers"]},
        {"kind": "webhook", "name": "social", "url": "https://example.org/social", "secret": "secret://env/S",
         "audiences": ["customers"], "messages": ["social media"]},
        {"kind": "webhook", "name": "ops", "url": "https://example.org/ops", "secret": "secret://env/S"},
    ],
    "environments": {
        "production": {
            "fleet": {"kind": "process", "command": ["shop", "{port}", "{version}"]},
            "router": {"kind": "envoy", "listen": "127.0.0.1:18080"},
        }
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pilotage.engine.execution.supervisor.ensure_worker", lambda *_: None)

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@x", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)

    (tmp_path / "pilotage.yaml").write_text(json.dumps(CONFIGURATION))
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "feat: first")
    git("tag", "v1.0.0")
    git("commit", "-q", "--allow-empty", "-m", "feat: coupons for everybody")
    return tmp_path


def run(*arguments: str, actor: str = "eve", expect: int = 0, typed: str = "") -> Result:
    done = CliRunner().invoke(cli, ["announce", *arguments], env={"PILOTAGE_ACTOR": actor}, input=typed)
    assert (done.exit_code == 0) is (expect == 0), (done.output, done.exception)
    return done


def test_words_that_somebody_changed_at_the_last_moment_do_not_go_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item, when = "release_announcement", ("--date", "2027-06-18", "--as-of", "2026-11-24")
    (folder / "text.md").write_text("Other words.")
    run("approve", item, "2.0.0", *when)
    look = announcing._found

    def look_and_be_overtaken(*given: Any) -> Announced:
        found = look(*given)
        run("edit", item, "2.0.0", "text.md", *when)
        return found

    monkeypatch.setattr(announcing, "_found", look_and_be_overtaken)
    error = CliRunner().invoke(cli, ["announce", "send", item, "2.0.0", *when], env={"PILOTAGE_ACTOR": "eve"}).stderr
    assert "is already draft" in error
    store = Store(folder / ".pilotage")
    assert outbox.letters(store.engine) == ()
    store.close()


def test_an_announcement_is_previewed_edited_approved_and_sent_once(folder: Path) -> None:
    item, when = "release_announcement", ("--date", "2027-06-18", "--as-of", "2026-11-24")
    shown = run("show", item, "2.0.0", *when, "--range", "v1.0.0..HEAD").stdout
    assert "shop 2.0.0 is coming on Friday, 18 June 2027." in shown
    assert "- Coupons for everybody" in shown
    assert "is draft" in run("send", item, "2.0.0", *when, expect=1).stderr
    (folder / "text.md").write_text("Our own words about 2.0.0.")
    run("edit", item, "2.0.0", "text.md", *when)
    assert run("show", item, "2.0.0", *when).stdout.strip() == "Our own words about 2.0.0."
    assert (
        "does not have the role communications manager"
        in run("approve", item, "2.0.0", *when, actor="bob", expect=1).stderr
    )
    run("approve", item, "2.0.0", *when)
    assert "through 1 channel" in run("send", item, "2.0.0", *when).stdout
    assert "is already sent" in run("send", item, "2.0.0", *when, expect=1).stderr
    store = Store(folder / ".pilotage")
    (letter,) = outbox.letters(store.engine)
    store.close()
    assert (letter.channel, letter.message["text"]) == ("customers", "Our own words about 2.0.0.")


def test_what_reaches_nobody_and_what_is_skipped_say_so(folder: Path) -> None:
    run("approve", "support_team_briefing", "2.0.0", actor="lea", expect=1)
    told = run("skip", "webinar_scheduling", "2.0.0", "--reason", "no speaker").stdout
    assert "skipped: no speaker" in told
    listed = json.loads(run("list", "2.0.0", "--json").stdout)["announcements"]
    assert {one["item"]: one["state"] for one in listed}["webinar_scheduling"] == "skipped"
    whole = {**CONFIGURATION, "people": {}}
    (folder / "pilotage.yaml").write_text(json.dumps(whole))
    run("approve", "support_team_briefing", "2.0.0")
    assert "no channel reaches support by meeting" in run("send", "support_team_briefing", "2.0.0", expect=1).stderr
    assert "no announcement 'nothing'" in run("show", "nothing", "2.0.0", expect=1).stderr


def test_scheduled_is_sent_at_its_time_and_not_before(folder: Path) -> None:
    when = ("--date", "2099-01-09", "--as-of", "2026-11-24")
    item = "release_announcement"
    run("approve", item, "2.0.0", *when)
    run("send", item, "2.0.0", *when, "--at", "2099-01-01T09:00")
    store = Store(folder / ".pilotage")
    then = datetime(2099, 1, 1, 12, tzinfo=UTC).timestamp()
    assert announcements.ready(store.engine, time.time()) == ()
    (one,) = announcements.ready(store.engine, then)
    assert "is already scheduled" in run("approve", item, "2.0.0", *when, expect=1).stderr
    assert state_of(item) == "scheduled"
    store = Store(folder / ".pilotage", clock=FakeClock(then))
    proceed(store, folder / ".pilotage")
    proceed(store, folder / ".pilotage")
    (letter,) = outbox.letters(store.engine)
    assert (letter.channel, one.item) == ("customers", item)
    assert "coming on Friday, 09 January 2099" in text_at(letter.message, "text")
    assert state_of(item) == "sent"
    for late in (("skip", item, "2.0.0", "--reason", "x"), ("approve", item, "2.0.0")):
        assert "was already sent" in run(*late, expect=1).stderr
    store.close()


def state_of(item: str) -> str:
    listed = json.loads(run("list", "2.0.0", "--json").stdout)["announcements"]
    return str({one["item"]: one["state"] for one in listed}[item])


@pytest.mark.parametrize("change", ["skip", "edit"])
def test_scheduled_and_then_changed_does_not_go_out(folder: Path, change: str) -> None:
    run("approve", "social_media", "2.0.0")
    run("send", "social_media", "2.0.0", "--at", "2099-01-01T09:00")
    (folder / "text.md").write_text("Otherwise.")
    run(change, "social_media", "2.0.0", *(["--reason", "x"] if change == "skip" else ["text.md"]))
    assert state_of("social_media") == {"skip": "skipped", "edit": "draft"}[change]
    store = Store(folder / ".pilotage")
    assert not outbox.letters(store.engine)
    store.close()
    if change == "edit":
        run("approve", "social_media", "2.0.0")
        assert "through 1 channel" in run("send", "social_media", "2.0.0").stdout


def test_overdue_ones_nag_their_owner_once_a_day_until_they_are_done(folder: Path) -> None:
    run("track", "2.0.0", "--date", "2027-06-18", "--as-of", "2026-11-24")
    store = Store(folder / ".pilotage")
    plan_day = 1_813_000_000.0  # 14 June 2027, after what is due a week before
    listed = json.loads(run("list", "2.0.0", "--json", "--date", "2027-06-18", "--as-of", "2026-11-24").stdout)
    late = [a for a in listed["announcements"] if a["due_at"] and a["due_at"] < "2027-06-14"]
    assert len(late) > 2
    assert remind(store.engine, plan_day) == 1
    assert remind(store.engine, plan_day + 60) == 0
    assert remind(store.engine, plan_day + 86400) == 1
    nags = [letter for letter in outbox.letters(store.engine, limit=500) if "overdue" in letter.key]
    assert {letter.channel for letter in nags} == {"ops"}
    assert all(one["item"] in text_at(nags[0].message, "text") for one in late)
    assert any("`pilotage announce approve release_announcement 2.0.0`" in text_at(n.message, "text") for n in nags)
    run("skip", "release_announcement", "2.0.0", "--reason", "x", "--date", "2027-06-18", "--as-of", "2026-11-24")
    remind(store.engine, plan_day + 2 * 86400)
    newest = [n for n in outbox.letters(store.engine, limit=500) if n.key.endswith("2027-06-16")]
    assert newest
    assert not any("release_announcement" in text_at(n.message, "text") for n in newest)
    assert remind(store.engine, plan_day + 30 * 86400) == 0, "given up"
    store.close()


def test_r22_a_message_goes_out_as_its_own_kind_and_never_as_another(folder: Path) -> None:
    """The social post came in the customers' webhook, and an in-app note would have."""
    whole = {**CONFIGURATION, "people": {}}
    (folder / "pilotage.yaml").write_text(json.dumps(whole))
    for item in ("release_announcement", "social_media", "in_app_notification"):
        run("approve", item, "2.0.0", "--date", "2027-06-18", "--as-of", "2026-11-24")
    for item in ("release_announcement", "social_media"):
        run("edit", item, "2.0.0", "-", "--date", "2027-06-18", "--as-of", "2026-11-24", typed="Our words.")
        run("approve", item, "2.0.0", "--date", "2027-06-18", "--as-of", "2026-11-24")
        run("send", item, "2.0.0", "--date", "2027-06-18", "--as-of", "2026-11-24")
    missing = run("send", "in_app_notification", "2.0.0", "--at", "2027-06-18T09:00", expect=1).stderr
    assert "no channel reaches customers by in-app" in missing
    assert "`audiences: [customers], messages: [in-app]`" in missing
    store = Store(folder / ".pilotage")
    went = {
        letter.key.rpartition("/")[2]: (letter.channel, letter.message["kind"])
        for letter in outbox.letters(store.engine)
    }
    store.close()
    assert went == {"release_announcement": ("customers", "e-mail"), "social_media": ("social", "social media")}


def test_states_are_what_the_list_says() -> None:
    assert {state.value for state in State} == {
        "draft", "approved", "waiting", "scheduled", "sent", "withdrawn", "skipped",
    }  # fmt: skip
