"""Lock files: a package that another reader of the same format finds must be found here, too."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from pilotage.risk.advisories import Advisories
from pilotage.risk.dependencies import findings_of
from pilotage.risk.lock_documents import REVISION
from pilotage.risk.locks import Pins, UnreadableLock, packages, scheme_of
from pilotage.risk.versions import Scheme, compare
from tests.fuzz.reader import Reader, Sample, refusal
from tests.fuzz.readers.junit import CASES

_OF_PYTHON = re.compile(r"'\w+' object |unhashable|NoneType|^[^:]*: '[^']*'$|indices must be|not subscriptable|unpack")
"""Words of Python's own about a value of another type."""


def _check(sample: Sample) -> Iterator[str]:
    name = sample.name.rpartition("/")[2]
    try:
        found = packages(sample.name, sample.text)
    except UnreadableLock as error:
        yield from refusal(str(error))
        if _OF_PYTHON.search(str(error)):
            yield f"a refusal in Python's words: {error}"
        return
    if found is None:
        return
    findings_of(sample.name, None, sample.text, Advisories())
    findings_of(
        sample.name, sample.text[: len(sample.text) // 2], sample.text, Advisories()
    ) if not sample.mutated else ()
    yield from _orders(found, scheme_of(sample.name))
    if (second := _SECOND.get(name)) and not (sample.mutated and name in _FIXED):
        try:
            theirs = set(second(sample.text))
        except Exception:  # it does not read it: nothing to compare
            return
        if missing := sorted(pair for pair in theirs if not _has(found, *pair)):
            yield f"packages that are not found in {name}: {missing[:3]}"


def _has(found: Pins, name: str, version: str) -> bool:
    """Of a package from a repository or from the project itself, other readers tell a version where we tell a commit or
    nothing."""
    versions = found.get(name, frozenset())
    is_file = version.startswith(("file:", "link:"))
    return version in versions or is_file or any(one.startswith(REVISION) for one in versions)


def _orders(found: Mapping[str, frozenset[str]], scheme: Scheme) -> Iterator[str]:
    """PEP 440 by `packaging`; and of every scheme, that an order is one."""
    versions = sorted({version for several in found.values() for version in several})[:12]
    for one in versions:
        for other in versions:
            sign = compare(one, other, scheme)
            if sign != -compare(other, one, scheme):
                yield f"no order between versions: {one} and {other}"
            if scheme is Scheme.PYTHON and len(one) < 100 > len(other):
                try:
                    expected = (Version(one) > Version(other)) - (Version(one) < Version(other))
                except InvalidVersion:
                    continue
                if sign != expected:
                    yield f"another order than PEP 440's: {one} and {other}"


def _python_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        bare = re.sub(r"\s+#.*|\s*\\$|\s--.*", "", line[:500]).strip()
        try:
            read = Requirement(bare)
        except InvalidRequirement:
            continue
        exact = [spec.version for spec in read.specifier if spec.operator == "=="]
        if len(read.specifier) == 1 and exact:
            yield _python_name(read.name), exact[0]


def _pnpm(text: str) -> Iterator[tuple[str, str]]:
    read: Any = yaml.safe_load(text)
    if float(read["lockfileVersion"]) >= 6:
        for key in read.get("packages") or ():
            name, _, version = key.lstrip("/").partition("(")[0].rpartition("@")
            if name and version[:1].isdigit():
                yield name, version


def _pub(text: str) -> Iterator[tuple[str, str]]:
    read: Any = yaml.safe_load(text)
    yield from ((name, package["version"]) for name, package in read["packages"].items())


def _cargo(text: str) -> Iterator[tuple[str, str]]:
    yield from ((one["name"], one["version"]) for one in tomllib.loads(text)["package"] if "source" in one)


def _composer(text: str) -> Iterator[tuple[str, str]]:
    read = json.loads(text)
    yield from ((one["name"], str(one["version"])) for part in ("packages", "packages-dev") for one in read[part])


def _npm(text: str) -> Iterator[tuple[str, str]]:
    """Version 1 of the format, whose tree is of another shape than what the reader goes over first."""
    read = json.loads(text)
    if "packages" not in read:
        yield from ((name, one["version"]) for name, one in read["dependencies"].items())


def _yarn(text: str) -> Iterator[tuple[str, str]]:
    """Berry's file is YAML."""
    if "__metadata:" in text:
        for key, package in yaml.load(text, Loader=yaml.BaseLoader).items():
            name = key[0] + key[1:].partition("@")[0]
            if key != "__metadata" and "workspace:" not in key and package["version"] != "0.0.0-use.local":
                yield name, package["version"]


def _gems(text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in text.splitlines():
        section = line if line[:1].isalpha() else section
        found = re.fullmatch(r" {4}([^\s()]+) \(([0-9][0-9A-Za-z.]*)\)", line)
        if section in ("GEM", "GIT", "PATH") and found and section == "GEM":
            yield found[1], found[2]


_SECOND: Mapping[str, Callable[[str], Iterator[tuple[str, str]]]] = {
    "requirements.txt": _requirements, "pnpm-lock.yaml": _pnpm, "pubspec.lock": _pub, "Cargo.lock": _cargo,
    "composer.lock": _composer, "package-lock.json": _npm, "yarn.lock": _yarn, "Gemfile.lock": _gems,
}  # fmt: skip

_FIXED = {"pnpm-lock.yaml", "pubspec.lock", "yarn.lock", "Gemfile.lock"}
"""Written by one program in one shape, and read by that shape: another one that YAML allows means nothing."""

_NAMES = {"npm_v1": "package-lock.json", "npm_v3": "package-lock.json", "yarn_crlf": "yarn.lock",
          "pipenv": "Pipfile.lock",
          "go_replace": "go.mod", "maven_properties": "pom.xml"}  # fmt: skip
_SEEDS = {
    "requirements.txt": b"a==1.0 ; python_version > '3'\nB_c[x]==2.0rc1 \\\n  --hash=sha256:00\n",
    "Cargo.lock": b'version = 3\n[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "registry+x"\n',
    "pnpm-lock.yaml": b"lockfileVersion: '9.0'\npackages:\n  '@a/b@1.0.0':\n    resolution: {a: x}\n  c@2.0.0(d@1):\n",
    "composer.lock": b'{"packages": [{"name": "a/b", "version": "v1.0"}], "packages-dev": []}',
    "pubspec.lock": b'packages:\n  a:\n    dependency: transitive\n    version: "1.0.0"\n',
    "Package.resolved": b'{"pins": [{"identity": "a", "state": {"revision": "x", "version": "1.0"}}], "version": 2}',
    "packages.lock.json": b'{"version": 1, "dependencies": {"net8.0": {"A": {"type": "Direct", "resolved": "1.0"}}}}',
    "Gemfile.lock": b"GEM\n  remote: x\n  specs:\n    a (1.0)\n      b (>= 2)\n    b (2.1-x86_64-linux)\n",
    "libs.versions.toml": b'[versions]\na = "1"\n[libraries]\nb = {module = "c:d", version = "2"}\n',
    "mix.lock": b'%{\n  "a": {:hex, :a, "1.0.0", "x", [:mix], [], "hexpm", "y"},\n}\n',
    "bun.lock": b'{\n  "packages": {\n    "a": ["a@1.0.0", "", {}, "sha"],\n  }\n}\n',
    "gradle.lockfile": b"a.b:c:1.0=compileClasspath\n",
    "build.gradle": b"dependencies { implementation 'a:b:1.0' }\n",
    "Directory.Packages.props": b'<Project><PackageVersion Include="A" Version="1.0" /></Project>',
}  # fmt: skip
_KNOWN = {*_SEEDS, *_NAMES.values(), "npm-shrinkwrap.json", "uv.lock", "poetry.lock", "pdm.lock", "build.gradle.kts"}

READER = Reader(
    name="locks",
    check=_check,
    seeds=(
        *(Sample(name, content) for name, content in _SEEDS.items()),
        *(
            Sample(f"{folder}/{name}", (CASES / "locks" / folder / "after.txt").read_bytes())
            for folder, name in _NAMES.items()
        ),
    ),
    takes=lambda path: path.name in _KNOWN or bool(re.fullmatch(r"requirements.*\.txt|pylock\..*toml", path.name)),
    words=(
        "null", "[]", "{}", '"version": 1', '"version": null', "<<<<<<< HEAD\n", "=======\n", ">>>>>>> main\n",
        "1.0.0",
        "v2.0.0-rc.1", "1!2.0.post1.dev3+x", "0.0.0-20200101000000-abcdefabcdef", "${a}", "=> ../x", "[[package]]",
        "99999999999999999999.0", "1.0.0-alpha.beta", "2024.1", "@a/b@npm:c@1.0.0", "\n    version: 1", "file:../a",
    ),
)  # fmt: skip
