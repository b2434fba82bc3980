"""What a file is, by its path alone."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

from pilotage.model.change import FileKind

_SOURCE = frozenset((
    "py", "pyx", "rb", "js", "jsx", "mjs", "cjs", "ts", "tsx", "vue", "svelte", "go", "rs", "java", "kt", "kts",
    "scala", "groovy", "c", "h", "cc", "cpp", "cxx", "hpp", "hh", "m", "mm", "cs", "fs", "vb", "php", "pl", "pm",
    "swift", "lua", "ex", "exs", "erl", "clj", "cljs", "hs", "ml", "mli", "r", "jl", "dart", "sh", "bash", "zsh",
    "ps1", "sql", "proto", "thrift", "elm", "nim", "zig", "erb", "haml", "slim",
))  # fmt: skip
_DOCUMENTS = frozenset((
    "md", "markdown", "rst", "txt", "adoc", "asciidoc", "org", "tex", "html", "htm", "svg", "png", "jpg", "gif",
    "pdf", "ico",
))  # fmt: skip
_SETTINGS = frozenset((
    "yaml", "yml", "toml", "ini", "cfg", "conf", "properties", "env", "json", "xml", "plist",
))  # fmt: skip

_TEST = re.compile(
    r"(^|/)(tests?|specs?|__tests__|testing|testdata|fixtures|e2e|cypress|benchmarks?)(/|$)"
    r"|(^|/)(test_[^/]*|[^/]*([._-](test|spec|tests)|Tests?|Spec))\.[A-Za-z0-9]+$|(^|/)conftest\.py$"
)
_MIGRATION = re.compile(
    r"(^|/)([a-z]+[_-])?[mM]igrations?/(.*/)?((\d|(Version|Migration|m)_?\d)[^/]*\.(py|rb|js|mjs|cjs|ts|mts|cts|php|exs|go|edgeql|kts?)"
    r"|(Migration_?|M|V)?\d+_?[^/]*(?<!\.Designer)\.cs|[^/]*\.sql|[VRUB]\d[^/]*__[^/]*\.(java|kt)|[^/]*changelog[^/]*\.groovy"
    r"|\d[^/]*\.(up|down)\.json)$"
    r"|(^|/)drizzle/(.*/)?[^/]*\.sql$|(^|/)(alembic|migrations?|migrate_repo)/versions/[^/]*\.py$"
    r"|(^|/)piccolo_migrations/[^/]*_\d[^/]*\.py$|(^|/)db/(post_)?migrate/(.*/)?\d[^/]*\.rb$"
    r"|(^|/)(flyway|liquibase|db/changelogs?|changelogs?/db)/.*\.(sql|xml|ya?ml|json|groovy)$"
    r"|(^|/)([VRUB]\d+([_.]\d+)*|R)__[^/]*\.sql$|(^|/)db[^/]*changelog[^/]*\.(xml|ya?ml|json|sql|groovy)$"
    r"|(^|/)([^/]*[._-])?changelog[^/]*\.xml$|(^|/)db/(schema\.rb|structure\.sql)$"
    r"|(^|/)(deploy|revert|verify|evolutions|db/(up|down))/(.*/)?[^/]*\.sql$|(^|/)[sS]cripts/(Script)?\d{3}[^/]*\.sql$",
)
_INFRASTRUCTURE = re.compile(
    r"\.(tf|tfvars|hcl|bicep)$|(^|/)(Dockerfile[^/]*|[^/]*\.Dockerfile|docker-compose[^/]*\.ya?ml|compose\.ya?ml"
    r"|Jenkinsfile|Procfile|Vagrantfile|Chart\.yaml|values[^/]*\.yaml|kustomization\.yaml|serverless\.ya?ml|\.gitlab-ci\.yml"
    r"|azure-pipelines\.yml|bitbucket-pipelines\.yml|\.travis\.yml|appveyor\.yml|cloudbuild\.ya?ml|nginx[^/]*\.conf)$"
    r"|(^|/)(\.github/workflows|\.circleci|terraform|helm|charts|k8s|kubernetes/manifests|ansible|playbooks"
    r"|cloudformation|deploy/manifests)/[^/]"
)
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
_GENERATED = re.compile(
    r"(^|/)(vendor|node_modules|third_party|dist|generated|\.yarn)/|\.(min\.js|pb\.go|snap|lock)$|_pb2\.py$|\.generated\."
)


LONGEST_PATH = 500
"""Characters of a path that are looked at, from its end; the file systems of Linux take four thousand."""


@lru_cache(maxsize=65536)
def kind_of(path: str) -> FileKind:
    """The kind of the file at `path`, as its name and folder tell; vendored and generated files are OTHER."""
    path = path[-LONGEST_PATH:]
    suffix = posixpath.splitext(path)[1][1:].lower()
    if _DEPENDENCIES.search(path):
        return FileKind.DEPENDENCIES
    if _GENERATED.search(path):
        return FileKind.OTHER
    if _TEST.search(path):
        return FileKind.TEST
    if _MIGRATION.search(path):
        return FileKind.MIGRATION
    if _INFRASTRUCTURE.search(path):
        return FileKind.INFRASTRUCTURE
    if suffix in _SOURCE:
        return FileKind.SOURCE
    if suffix in _DOCUMENTS:
        return FileKind.DOCUMENTATION
    return FileKind.CONFIGURATION if suffix in _SETTINGS else FileKind.OTHER


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
