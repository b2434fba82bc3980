"""One repository of several services (R33, R23): each sees its own paths and its own tags."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilotage.adapters.git import Git
from pilotage.app.examine_paths import examine_paths
from pilotage.app.hotfix import prepare
from pilotage.app.known_risk import planned
from pilotage.app.notes import NotesRequest, next_version_of, notes_for
from pilotage.app.plan import PlanRequest
from pilotage.app.project import Project
from pilotage.app.repository import git_anyway, git_here
from pilotage.app.risk import assess_changes
from pilotage.config.loading import load
from pilotage.engine.records.store import Store
from pilotage.model.errors import PilotageError
from pilotage.model.path_pattern import WHOLE_REPOSITORY, PathPatterns, matches, normal_pattern
from tests.typed import typed
from tests.unit.app.test_hotfix import CONFIGURATION

ENVIRONMENTS: dict[str, Any] = {
    "production": {
        "fleet": {"kind": "process", "command": ["shop", "{port}", "{version}"]},
        "router": {"kind": "envoy", "listen": "127.0.0.1:0"},
    }
}


def services() -> dict[str, Any]:
    ports = iter((18081, 18082, 18083))

    def of(**more: Any) -> dict[str, Any]:
        router = {"kind": "envoy", "listen": f"127.0.0.1:{next(ports)}"}
        return {"environments": {"production": {**ENVIRONMENTS["production"], "router": router}}, **more}

    return {
        "web": of(paths=["services/web"], built_from=["libs/ui"], tag_prefix="web-v"),
        "api": of(paths=["services/api/"], built_from=["libs/*/proto"], tag_prefix="api-v"),
        "jobs": of(paths=["services/jobs"], depends_on=["api"], tag_prefix="jobs-v"),
    }


class Monorepo:
    """A history that tests write. at: when the next commit is made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.at = folder, datetime(2026, 10, 1, tzinfo=UTC)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@x", "-c", "commit.gpgsign=false"]
        self.at += timedelta(minutes=1)
        when = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), self.at.isoformat())
        command = ["git", "-C", str(self.folder), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | when).stdout

    def commit(self, message: str, **files: str) -> None:
        """files: by path, with `__` for a slash and `_` for a dot."""
        for name, content in files.items():
            path = self.folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)


@pytest.fixture(scope="module")
def monorepo(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three services and a shared library, with a merge, a rename and tags of each."""
    folder = tmp_path_factory.mktemp("monorepo")
    it = Monorepo(folder)
    (folder / "pilotage.yaml").write_text(
        json.dumps({**CONFIGURATION, "environments": {}, "services": services(), "ignored_paths": ["docs", "**/*.md"]})
    )
    (folder / ".gitignore").write_text(".pilotage/\n")
    it.commit(
        "feat: first", services__web__app_ts="1\n", services__api__main_go="1\n", services__jobs__run_py="1\n",
        libs__ui__button_ts="1\n", libs__money__proto__money="1\n", go_mod="1\n",
    )  # fmt: skip
    for name in ("web-v1.0.0", "api-v2.3.0", "jobs-v0.1.0", "start"):
        it.git("tag", name)
    it.commit("feat(web): coupons (#12)", services__web__coupons_ts="coupons\n")
    it.git("tag", "web-v1.1.0")
    it.commit("fix(ui): the button's colour", libs__ui__button_ts="2\n")
    it.git("switch", "-qc", "topic")
    it.commit("feat(api): search", services__api__search_go="search\n")
    it.git("switch", "-q", "main")
    it.commit("docs: how", docs__how_md="how\n", services__web__README_md="web\n")
    it.git("merge", "-q", "--no-ff", "-m", "Merge branch 'topic'", "topic")
    it.git("tag", "merged")
    it.git("mv", "services/jobs/run.py", "services/api/run.py")
    it.commit("refactor: jobs' start is the api's")
    it.git("tag", "moved")
    it.commit("build: newer go", go_mod="2\n")
    return Project(folder / "pilotage.yaml")


def touched(project: Project, range_: str) -> list[str]:
    said = typed("changed", range_, "--format", "matrix", cwd=project.folder)
    assert said.returncode == 0, said.stderr
    return [one["service"] for one in json.loads(said.stdout)["include"]]


@pytest.mark.parametrize(
    ("range_", "services"),
    [
        ("start..web-v1.1.0", ["web"]),
        ("web-v1.1.0..merged^1~1", ["web"]),  # a library that web is built from
        ("merged^1~1..merged^1", []),  # documentation, in a service's folder, too
        ("merged^1..merged", ["api"]),  # a merge, by what it brought
        ("merged..moved", ["api", "jobs"]),  # a rename, on both sides
        ("moved..", ["web", "api", "jobs"]),  # nobody's
        ("merged^2^...merged^2", ["api"]),
        ("HEAD..HEAD", []),
    ],
)
def test_r33_a_range_touches_the_services_whose_files_it_changes(
    monorepo: Project, range_: str, services: list[str]
) -> None:
    assert touched(monorepo, range_) == services


def test_r33_a_branch_that_merged_main_touches_what_it_changed_itself(tmp_path: Path) -> None:
    it = Monorepo(tmp_path)
    (tmp_path / "pilotage.yaml").write_text(json.dumps({**CONFIGURATION, "environments": {}, "services": services()}))
    it.commit("feat: first", services__web__a="1\n")
    it.git("switch", "-qc", "topic")
    it.commit("feat: web", services__web__a="2\n")
    it.git("switch", "-q", "main")
    it.commit("feat: api", services__api__a="2\n")
    it.git("switch", "-q", "topic")
    it.git("merge", "-q", "-m", "Merge main", "main")
    project = Project(tmp_path / "pilotage.yaml")
    assert touched(project, "main...HEAD") == ["web"]
    assert touched(project, "main..HEAD") == ["web", "api"], "commits of the line, its merge of main among them"


def test_r33_changed_says_why_in_text_and_as_json(monorepo: Project) -> None:
    text = typed("changed", "start..moved", cwd=monorepo.folder).stdout
    assert text.splitlines()[1:] == [
        "web      touched  its own: services/web/coupons.ts; it is built from: libs/ui/button.ts",
        "api      touched  its own: services/api/run.py and 1 more",
        "jobs     touched  its own: services/jobs/run.py",
        "2 files in ignored_paths, such as docs/how.md",
    ]
    data = json.loads(typed("changed", "moved..HEAD", "--json", cwd=monorepo.folder).stdout)
    assert data["shared"] == ["go.mod"]
    assert data["services"][2] == {
        "service": "jobs", "touched": True, "files": [{"path": "go.mod", "reason": "shared"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("range_", "words"),
    [
        ("v9..HEAD", "has no commit 'v9'"),
        ("HEAD", "'HEAD' is not a range: name it as v1.2.0..HEAD"),
        ("--output=x..HEAD", "is not the name of a commit"),
    ],
)
def test_r33_a_range_that_does_not_exist_is_one_sentence(monorepo: Project, range_: str, words: str) -> None:
    done = typed("changed", "--", range_, cwd=monorepo.folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_r33_outside_a_repository_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "pilotage.yaml").write_text(json.dumps(CONFIGURATION))
    done = typed("changed", "A..B", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_one_service_alone_is_touched_by_its_own_paths_only(monorepo: Project) -> None:
    alone = monorepo.folder / "services" / "api" / "pilotage.yaml"
    alone.write_text(json.dumps({**CONFIGURATION, "service": "api", "paths": ["services/api"], "tag_prefix": "api-v"}))
    try:
        assert touched(Project(alone), "merged^1..merged") == ["api"], "from the root, wherever the file lies"
        assert touched(Project(alone), "moved..HEAD") == [], "what is nobody's here is of the other services"
        found = notes_for(Project(alone), NotesRequest())
        assert [change.summary for change in found.changes] == ["jobs' start is the api's", "Search"]
        assert found.version == "api-v2.4.0"
    finally:
        alone.unlink()


def test_r23_notes_and_versions_of_a_service_are_of_its_own_paths_and_tags(monorepo: Project) -> None:
    def of(service: str) -> tuple[str, list[str]]:
        project = monorepo.for_service(service)
        return next_version_of(project, NotesRequest()), [
            change.summary for change in notes_for(project, NotesRequest()).changes
        ]

    assert of("web") == ("web-v1.1.1", ["How", "The button's colour"])
    assert of("api") == ("api-v2.4.0", ["jobs' start is the api's", "Search"])
    assert of("jobs")[0] == "jobs-v0.1.0", "a refactoring reaches nobody"
    assert typed("-s", "web", "notes", cwd=monorepo.folder).stdout.startswith("# web web-v1.1.1")


def test_r9_a_train_carries_the_changes_of_each_service_since_its_own_version(monorepo: Project) -> None:
    data = json.loads(typed("train", "--json", cwd=monorepo.folder).stdout)
    assert data["since"] == ["web-v1.1.0", "api-v2.3.0", "jobs-v0.1.0"]
    assert {one["title"]: one["services"] for one in data["aboard"]} == {
        "The button's colour": ["web"], "How": ["web"], "Search": ["api"], "jobs' start is the api's": ["api", "jobs"],
    }  # fmt: skip
    alone = json.loads(typed("-s", "api", "train", "--json", cwd=monorepo.folder).stdout)
    assert (alone["since"], alone["aboard"][0]["services"]) == (["api-v2.3.0"], [])


def test_a_release_branch_of_everything_is_no_version_of_a_service(tmp_path: Path) -> None:
    it = Monorepo(tmp_path)
    whole = {**CONFIGURATION, "service": "new", "paths": ["new"], "tag_prefix": "new-v"}
    (tmp_path / "pilotage.yaml").write_text(json.dumps(whole))
    it.commit("feat: first", new__a="1\n")
    it.git("switch", "-qc", "release/7")
    it.commit("chore: release 7.0.0")
    it.git("tag", "v7.0.0")
    it.git("switch", "-q", "main")
    it.commit("fix: typo", new__a="2\n")
    assert next_version_of(Project(tmp_path / "pilotage.yaml"), NotesRequest()) == "new-v0.1.0"


def test_r21_a_hotfix_of_a_service_begins_at_its_own_tag(monorepo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "serving", lambda *_: ("1.1.0",))
    monkeypatch.setattr(Store, "history", lambda *_, **__: ())
    found = prepare(monorepo.for_service("web"), None, None, create=False)
    assert (found.tag, found.branch, found.new_tag) == ("web-v1.1.0", "hotfix/web-v1.1.1", "web-v1.1.1")
    monkeypatch.setattr(Store, "serving", lambda *_: ("7.0.0",))
    with pytest.raises(PilotageError, match=r"git has no tag of 7\.0\.0, .*: tag its commit, as web-v7\.0\.0$"):
        prepare(monorepo.for_service("web"), None, None, create=False)


def test_doctor_names_the_paths_that_no_file_has(monorepo: Project, tmp_path: Path) -> None:
    (found,) = examine_paths(monorepo)
    moved = "services.jobs.paths: services/jobs names no file in git: correct it, or add the files"
    assert (found.result, found.sentence) == ("WARN", moved)
    fine = monorepo.folder / "fine.yaml"
    fine.write_text(json.dumps({**CONFIGURATION, "paths": ["services/web"], "built_from": ["libs/*"]}))
    (found,) = examine_paths(Project(fine))
    assert (found.result, found.sentence) == ("PASS", "all 2 patterns name files in git")
    fine.unlink()
    typo = monorepo.folder / "typo.yaml"
    typo.write_text(json.dumps({**CONFIGURATION, "paths": ["services/wbe"], "built_from": ["libs/ui"]}))
    (found,) = examine_paths(Project(typo))
    assert (found.result, found.sentence) == (
        "WARN", "paths: services/wbe names no file in git: correct it, or add the files",
    )  # fmt: skip
    typo.unlink()
    (tmp_path / "pilotage.yaml").write_text(json.dumps({**CONFIGURATION, "paths": ["x"]}))
    assert [one.result for one in examine_paths(Project(tmp_path / "pilotage.yaml"))] == ["WARN"]


def test_what_is_told_of_a_rollout_hangs_on_no_readable_configuration(monorepo: Project, tmp_path: Path) -> None:
    assert git_anyway(monorepo, "web").tag_of("1.1.0") == "web-v1.1.0"
    (tmp_path / "pilotage.yaml").write_text("paths: [")
    assert git_anyway(Project(tmp_path / "pilotage.yaml"), "web").scope == WHOLE_REPOSITORY


def test_a_first_version_has_the_prefix_of_its_service(monorepo: Project) -> None:
    monorepo.folder.joinpath("new.yaml").write_text(
        json.dumps({**CONFIGURATION, "service": "new", "paths": ["services/api"], "tag_prefix": "new-v"})
    )
    try:
        assert next_version_of(Project(monorepo.folder / "new.yaml"), NotesRequest()) == "new-v0.1.0"
    finally:
        monorepo.folder.joinpath("new.yaml").unlink()


def test_r17_the_risk_of_a_service_is_that_of_its_own_changes(
    monorepo: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = assess_changes(monorepo.for_service("api"), "start..HEAD")
    assert len(answer.changes) == 2, "the merge, and the file that came from jobs"
    assert len(assess_changes(monorepo, "start..HEAD").changes) == 6
    # A plan finds the tags of the service by its prefix, and no other service's.
    monkeypatch.setattr(Store, "serving", lambda *_: ("2.3.0",))
    project = monorepo.for_service("api")
    assert project.store is not None, "there are records"
    plan = planned(project, "production", PlanRequest("2.4.0"))
    assert plan.risk is not None, plan.risk_unknown
    monkeypatch.setattr(Store, "serving", lambda *_: ("1.1.0",))
    assert planned(project, "production", PlanRequest("2.4.0")).risk_unknown == "git has no tag for 1.1.0, which serves"
    git = git_here(project)
    assert (git.tag_of("2.3.0"), git.tag_of("api-v2.3.0")) == ("api-v2.3.0", "api-v2.3.0")


# ── patterns ───────────────────────────────────────────────────────────────────────────────────────────────

PATHS = [
    "web/a", "web/b/a", "web", "webs/a", "a/web/b", "a/b/web/c", "x.md", "web/x.md", "app/[id]/page", "app/i/page",
    "é/ü", ".github/x", "web/.env", "a b/c",
]  # fmt: skip
PATTERNS = st.lists(
    st.sampled_from(["web", "a", "*", "**", "w*b", "*.md", "[id]", "app", "?", "é", ".*", "b", "page"]),
    min_size=1, max_size=4,
).map("/".join)  # fmt: skip


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Git:
    folder = tmp_path_factory.mktemp("listing")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    blob = subprocess.run(
        ["git", "-C", str(folder), "hash-object", "-w", "--stdin"], input="", capture_output=True, text=True, check=True
    ).stdout.strip()
    names = "".join(f"100644 {blob}\t{path}\n" for path in PATHS if path != "web")
    subprocess.run(["git", "-C", str(folder), "update-index", "--index-info"], input=names, text=True, check=True)
    return Git(folder)


@settings(max_examples=40)
@given(pattern=PATTERNS)
def test_patterns_mean_the_same_to_us_and_to_git(listing: Git, pattern: str) -> None:
    normal = normal_pattern(pattern) if pattern.count("*") <= 8 else "web"
    specs = PathPatterns(patterns=(normal,)).pathspecs
    theirs = set(listing.run("ls-files", "-z", "--", *specs).split("\0")) - {""}
    assert theirs == {path for path in PATHS if path != "web" and matches(normal, path)}, normal


def test_a_pattern_that_would_backtrack_takes_no_time() -> None:
    pattern = normal_pattern("a*a*a*a*a*a*a*b")
    assert not matches(pattern, "/".join(["a" * 20_000] * 5))
    assert matches("**", "any/thing")
    assert not matches("**/x/**/y/**/z", "x/" * 5_000 + "y")


# ── the guide ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_of_the_guide_is_valid(tmp_path: Path) -> None:
    guide = Path(__file__).parents[3] / "docs" / "guides" / "monorepos.md"
    (example, *_) = re.findall(r"```yaml\n(.*?)```", guide.read_text(), re.DOTALL)
    example = example.replace("answers: {…}", f"answers: {json.dumps(CONFIGURATION['answers'])}")
    for service in services().values():
        example = example.replace("{…}", json.dumps(service["environments"]["production"]), 1)
    (tmp_path / "pilotage.yaml").write_text(example)
    found = load(tmp_path / "pilotage.yaml").configuration
    assert [one.tag_prefix for one in found.services.values()] == ["web-v", "api-v", "jobs-v"]
