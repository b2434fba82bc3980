"""Where to read what changed in a package: its page at the public registry of its ecosystem, formed without network."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import quote

from pilotage.risk.locks import scheme_of
from pilotage.risk.versions import Scheme

_NPM = "https://www.npmjs.com/package/{name}/v/{version}"
_PAGE: Mapping[str, str] = {
    **dict.fromkeys(("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"), _NPM),
    "Cargo.lock": "https://crates.io/crates/{name}/{version}",
    "composer.lock": "https://packagist.org/packages/{name}#{version}",
    "mix.lock": "https://hex.pm/packages/{name}/{version}",
    **dict.fromkeys(
        ("packages.lock.json", "Directory.Packages.props"),
        "https://www.nuget.org/packages/{name}/{version}#releasenotes-body-tab",
    ),
    "pubspec.lock": "https://pub.dev/packages/{name}/changelog",
    "Gemfile.lock": "https://rubygems.org/gems/{name}/versions/{version}",
}
_PYPI = "https://pypi.org/project/{name}/{version}/"
_MAVEN = "https://central.sonatype.com/artifact/{group}/{artifact}/{version}"
_GITHUB = re.compile(r"(github\.com/[\w.-]+/[\w.-]+)(?:/.*)?")
_NAME = re.compile(r"@?[A-Za-z0-9][\w.:@/~-]{0,199}")
_VERSION = re.compile(r"[vV]?\d[\w.+!-]{0,99}")


def page_of(path: str, name: str, version: str) -> str:
    """The address for a package of a lock file; empty where none can be formed. A registry's page leads to the
    changelog; of a Go module on GitHub it is the list of releases."""
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version) or name.endswith(("/*", "-*")):
        return ""
    file = posixpath.basename(path)
    if file == "go.mod":
        on_github = _GITHUB.fullmatch(name)
        return f"https://{on_github[1]}/releases" if on_github else f"https://pkg.go.dev/{name}@{version}"
    if file.endswith("proj"):
        file = "Directory.Packages.props"
    if page := _PAGE.get(file):
        return page.format(name=quote(name, safe="@/"), version=quote(version))
    if scheme_of(path) is Scheme.PYTHON:
        return _PYPI.format(name=quote(name), version=quote(version))
    if scheme_of(path) is Scheme.MAVEN and name.count(":") == 1:
        group, artifact = name.split(":")
        return _MAVEN.format(group=quote(group), artifact=quote(artifact), version=quote(version))
    return ""
