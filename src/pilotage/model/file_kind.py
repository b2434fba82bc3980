"""What a file is: by its suffix and its name first, by its folder only where these leave it open."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from pilotage.model.foreign import is_generated, is_vendored
from pilotage.model.languages import CODE, PROGRAM_FOLDERS, TEMPLATES


class FileKind(StrEnum):
    SOURCE = "source"
    TEST = "test"
    INFRASTRUCTURE = "infrastructure"
    MIGRATION = "migration"
    DEPENDENCIES = "dependencies"
    CONFIGURATION = "configuration"
    DOCUMENTATION = "documentation"
    OTHER = "other"


_PROSE = frozenset(("md", "mdx", "markdown", "rst", "adoc", "asciidoc", "org", "tex"))
"""What nobody runs, wherever it lies: a README beside a chart, a migration or a test."""

_DOCUMENTS = _PROSE | {"txt", "html", "htm", "svg", "png", "jpg", "jpeg", "gif", "webp", "pdf", "ico"}
_SETTINGS = frozenset((
    "yaml", "yml", "toml", "ini", "cfg", "conf", "properties", "env", "json", "xml", "plist",
))  # fmt: skip

_TEST = re.compile(
    r"(^|/)([^/]*\.[A-Za-z]*Tests?|tests?|specs?|__tests__|testing|testdata|fixtures|e2e|cypress|benchmarks?)(/|$)"
    r"|(^|/)(test_[^/]*|[^/]*([._-](test|spec|tests)|Tests?|Spec))\.[A-Za-z0-9]+$|(^|/)conftest\.py$"
    r"|\.(feature|robot|bats|hurl|t|phpt)$"
)
_MIGRATION = re.compile(
    r"(^|/)([a-z]+[_-])?[mM]igrations?/(.*/)?((\d|(Version|Migration)_?\d|m_?\d{4})[^/]*\.(py|rb|js|mjs|cjs|ts|mts|cts|php|exs|go|edgeql|kts?)"
    r"|(Migration_?|M|V)?\d+_?[^/]*(?<!\.Designer)\.cs|[^/]*\.sql|[VRUB]\d[^/]*__[^/]*\.(java|kt)|[^/]*changelog[^/]*\.groovy"
    r"|\d[^/]*\.(up|down)\.json)$"
    r"|(^|/)drizzle/(.*/)?[^/]*\.sql$|(^|/)(alembic|migrations?|migrate_repo)/versions/[^/]*\.py$"
    r"|(^|/)piccolo_migrations/[^/]*_\d[^/]*\.py$|(^|/)db/(post_)?migrate/(.*/)?\d[^/]*\.rb$"
    r"|(^|/)flyway/.*\.sql$|(^|/)(liquibase|db/changelogs?|changelogs?/db)/.*\.(sql|xml|ya?ml|json|groovy)$"
    r"|(^|/)([VRUB]\d+([_.]\d+)*|R)__[^/]*\.sql$|(^|/)db[^/]*changelog[^/]*\.(xml|ya?ml|json|sql|groovy)$"
    r"|(^|/)([^/]*[._-])?changelog[^/]*\.xml$|(^|/)db/(schema\.rb|structure\.sql)$"
    r"|(^|/)(deploy|revert|verify|evolutions|db/(up|down))/(.*/)?[^/]*\.sql$|(^|/)[sS]cripts/(Script)?\d{3}[^/]*\.sql$",
)
_INFRASTRUCTURE = re.compile(
    r"\.(tf|tfvars|tftpl|tofu|hcl|nomad|bicep|bicepparam|pp|vcl)$|\.tf(vars)?\.json$|(^|/)(Dockerfile(\.[^/]*|[-_][^/.]*)?|[^/]*\.Dockerfile|Containerfile"
    r"|docker-compose[^/]*\.ya?ml|compose\.ya?ml|Jenkinsfile(\.[^/]*)?|Procfile|Vagrantfile|Earthfile|Tiltfile|Caddyfile|Chart\.yaml|kustomization\.ya?ml"
    r"|helmfile[^/]*\.ya?ml|serverless\.ya?ml|skaffold\.ya?ml|\.gitlab-ci\.yml|azure-pipelines[^/]*\.yml"
    r"|bitbucket-pipelines\.yml|\.travis\.yml|appveyor\.yml|cloudbuild\.ya?ml|nginx[^/]*\.conf|haproxy[^/]*\.cfg)$"
    r"|(^|/)(\.github/workflows|\.circleci)/[^/]+\.ya?ml$|(^|/)\.github/actions/(.*/)?action\.ya?ml$"
)
"""What its name or its suffix says."""

_DEPLOYED = re.compile(
    r"(^|/)(k8s|kubernetes|deploy/manifests|kustomize)/(.*/)?[^/]*\.(ya?ml|json)$"
    r"|(^|/)(ansible|playbooks)/(.*/)?[^/]*\.(ya?ml|j2|ini|cfg|json)$"
    r"|(^|/)(cloudformation|terraform)/(.*/)?[^/]*\.(ya?ml|json|template|tpl|j2|tmpl)$"
    r"|(^|/)(charts?|helm|helm-charts?)/(.*/)?(templates/(.*/)?[^/]*\.(ya?ml|tpl|txt)|values[^/]*\.ya?ml)$"
)
"""What its folder says of a file that is no code and no prose."""

_ABOUT = re.compile(r"(^|/)(src|lib|pkg|internal|cmd|components|docs?|[dD]ocumentation|examples?|samples?)/")
"""Where a tool about infrastructure keeps its own files, above the folder that has the name of what it is about."""

_SHOWN = re.compile(r"(^|/)(docs?|[dD]ocumentation|examples?|samples?)/")
"""Where infrastructure is shown, and nothing is deployed from."""

_OF_DOCS = re.compile(r"(^|/)docs?/([^/]*/)?conf\.py$")
_BUILD = re.compile(
    r"(^|/)(CMakeLists\.txt|(GNU|BSD)?[mM]akefile(\.[^/]*)?|Kbuild|Rakefile|\.?[jJ]ustfile|meson\.build|BUILD(\.bazel)?|WORKSPACE"
    r"|BUCK|SConstruct|SConscript|wscript|Snakefile|Cakefile|Jakefile|Fastfile|configure\.(ac|in)|PKGBUILD)$"
    r"|\.(mk|mak|make|cmake|bazel|bzl|gradle|sbt|just|m4|ld|lds|gni?|spec)$"
)
_PAGES = re.compile(r"(^|/)(templates?|views?|src|app|apps|components|partials|layouts|pages|web|www|public)/")
"""Where HTML is what users see, and no documentation."""

_DEPENDENCIES = re.compile(
    # From the last "requirements" of the name: from each of them, the work would grow with the square of the name.
    r"requirements((?!requirements)[^/])*\.(txt|in)$|(^|/)(requirements/[^/]*\.(txt|in)|constraints[^/]*\.txt"
    r"|pyproject\.toml|setup\.(py|cfg)|Pipfile(\.lock)?|(poetry|uv|pdm|mix|pubspec|deno)\.lock"
    r"|pylock\.([^/.]+\.)?toml|package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|bun\.lockb?|pnpm-lock\.yaml"
    r"|go\.(mod|sum)|Cargo\.(toml|lock)|pom\.xml|build\.gradle(\.kts)?|gradle\.lockfile|libs\.versions\.toml"
    r"|packages\.(lock\.json|config)|Directory\.(Packages|Build)\.props|[^/]*\.(cs|fs|vb)proj|paket\.lock|rebar\.lock|flake\.lock"
    r"|conan\.lock|vcpkg\.json|Cartfile\.resolved|renv\.lock|Manifest\.toml|stack\.yaml\.lock|cabal\.project\.freeze|pixi\.lock"
    r"|Chart\.lock|MODULE\.bazel\.lock|environment\.ya?ml|build\.sbt|deps\.edn|project\.clj|Package\.resolved|Podfile\.lock|conda-lock\.yml"
    r"|Gemfile(\.lock)?|[^/]*\.gemspec|composer\.(json|lock))$"
)

LONGEST_PATH = 500
"""Characters of a path that are looked at, from its end; the file systems of Linux take four thousand."""


def kind_of(path: str, generated: bool | None = None, vendored: bool | None = None, program: bool = False) -> FileKind:
    """The kind of the file at `path`. Code that nobody here writes is OTHER; what it runs on counts all the same: lock
    files, and migrations that a tool wrote. generated, vendored: as the repository says; None leaves it to the path ·
    program: whether a file without a suffix runs."""
    path = path[-LONGEST_PATH:]
    if generated is None and vendored is None and not program:
        return _named(path)
    return _said(path, generated, vendored, program)


@lru_cache(maxsize=65536)
def _named(path: str) -> FileKind:
    """By its path alone, as nearly every file is asked for, several times."""
    return _said(path, None, None, False)


@lru_cache(maxsize=8192)
def _said(path: str, generated: bool | None, vendored: bool | None, program: bool) -> FileKind:
    if is_vendored(path) if vendored is None else vendored:
        return FileKind.OTHER
    if _DEPENDENCIES.search(path):
        return FileKind.DEPENDENCIES
    if generated is None and is_generated(path):
        return FileKind.OTHER
    kind = _written(path)
    if program and kind is FileKind.OTHER and _is_program(path, program=True):
        kind = FileKind.SOURCE
    return FileKind.OTHER if generated and kind in _MERELY_GENERATED else kind


_MERELY_GENERATED = (FileKind.SOURCE, FileKind.TEST, FileKind.CONFIGURATION, FileKind.DOCUMENTATION)


def _written(path: str) -> FileKind:
    suffix = suffix_of(path)
    if suffix in _PROSE:
        return FileKind.DOCUMENTATION
    if _TEST.search(path):
        return FileKind.TEST
    if _MIGRATION.search(path):
        return FileKind.MIGRATION
    is_shown = bool(_SHOWN.search(path))
    if _INFRASTRUCTURE.search(path) and not is_shown:
        return FileKind.INFRASTRUCTURE
    if suffix in CODE or (suffix in ("html", "htm") and not is_shown and _PAGES.search(path)):
        return FileKind.DOCUMENTATION if _OF_DOCS.search(path) else FileKind.SOURCE
    if (found := _DEPLOYED.search(path)) and not _ABOUT.search(path[: found.start() + 1]):
        return FileKind.INFRASTRUCTURE
    if _BUILD.search(path):
        return FileKind.CONFIGURATION
    if (suffix in TEMPLATES and not is_shown) or _is_program(path):
        return FileKind.SOURCE
    if suffix in _DOCUMENTS:
        return FileKind.DOCUMENTATION
    return FileKind.CONFIGURATION if suffix in _SETTINGS else FileKind.OTHER


def _is_program(path: str, *, program: bool = False) -> bool:
    """Whether a file without a suffix runs: as it says of itself, or by its folder. A README there does not."""
    folder, _, name = path.rpartition("/")
    if "." in name or name.replace("_", "").replace("-", "").isupper():
        return False
    return program or folder.rpartition("/")[2] in PROGRAM_FOLDERS


def is_code(path: str) -> bool:
    """Whether it has a name of code, wherever it lies and whoever wrote it."""
    return suffix_of(path[-LONGEST_PATH:]) in CODE | TEMPLATES


def suffix_of(path: str) -> str:
    """`py` of `src/a.PY`; empty where there is none."""
    _, dot, suffix = path.rpartition("/")[2].lstrip(".").rpartition(".")
    return suffix.lower() if dot else ""


_FIX = re.compile(
    r"\b(fix(es|ed|ing|up)?|bug(s|fix(es)?)?|defects?|regress(ion|ions|ed)?|crash(es|ed|ing)?|hotfix|incorrect(ly)?"
    r"|broken|leaks?|deadlocks?|race condition|null pointer|segfault|overflow)\b|^revert\b",
    re.IGNORECASE,
)
_NOT_A_FIX = re.compile(
    r"\b(typos?|spelling|grammar|docs?|documentation|comments?|changelog|lint|rubocop|eslint|flake8|whitespace|indentation"
    r"|formatting|warnings?|flak(y|es)|tests?|specs?|ci|travis|build|links?|readme)\b",
    re.IGNORECASE,
)


def repairs(message: str) -> bool:
    """Whether a change says that it repairs something users could meet: by its subject or its merged branch's title."""
    lines = [line for line in message.splitlines()[:4] if line.strip()]
    title = lines[1] if len(lines) > 1 and lines[0].startswith("Merge ") else (lines or [""])[0]
    title = title[:LONGEST_PATH]
    return bool(_FIX.search(title)) and not _NOT_A_FIX.search(title)
