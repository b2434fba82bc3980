"""Lock files that users bring, and what their change brings (R17). The id names the public report of the fault."""

from __future__ import annotations

import json

import pytest

from pilotage.model.advisory import Advisory
from pilotage.model.change import FileKind
from pilotage.model.file_kind import kind_of
from pilotage.model.risk import RiskLevel
from pilotage.risk.advisories import Advisories
from pilotage.risk.dependencies import findings_of
from pilotage.risk.locks import packages
from pilotage.risk.versions import Scheme, compare, has_major_step

from .evidence import DATA

MEDIUM, LOW = RiskLevel.MEDIUM, RiskLevel.LOW


def said(name: str, before: str, after: str, *known: Advisory) -> list[tuple[RiskLevel, str]]:
    """Level and sentence of each finding, of a file that counts as one of dependencies."""
    assert kind_of(name) is FileKind.DEPENDENCIES
    return [(f.level, f.sentence) for f in findings_of(name, before, after, Advisories(known))]


@pytest.mark.parametrize(
    ("name", "folder", "level", "sentence"),
    [
        pytest.param("package-lock.json", "npm_v1", MEDIUM, "b 1.0.0 → 3.0.0, a major version",
                     id="anchore/syft#5101, #5108"),
        pytest.param("package-lock.json", "npm_v3", MEDIUM, "lodash 3.10.1 → 4.17.21, a major version",
                     id="git-pkgs/git-pkgs#102"),
        pytest.param("yarn.lock", "yarn_crlf", MEDIUM, "@babel/core 7.1.0 → 8.0.0, a major version",
                     id="vercel-labs/opensrc#51"),
        pytest.param("go.mod", "go_replace", MEDIUM,
                     "github.com/a/b v1.0.0+incompatible → github.com/evil/b v9.0.0, another module is built in",
                     id="google/osv-scanner#30, aboutcode-org/scancode-toolkit#3693"),
        pytest.param("Cargo.lock", "cargo_beside", LOW, "1 new: syn 1.0.109", id="rust-lang/cargo#5530"),
        pytest.param("poetry.lock", "calendar", LOW, "2 upgraded within a major version: certifi, pytz",
                     id="ibis-project/ibis#3299, TGSAI/mdio-python#192"),
        pytest.param("package-lock.json", "prerelease", LOW, "1 upgraded within a major version: a",
                     id="G-Rath/osv-detector#211"),
        pytest.param("Pipfile.lock", "pipenv", MEDIUM, "django 3.2 → 5.0, a major version", id="Pipfile.lock"),
        pytest.param("pom.xml", "maven_properties", MEDIUM, "a:b 5.3.0 → 6.0.0, a major version",
                     id="Maven's properties"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_what_a_change_brings(name: str, folder: str, level: RiskLevel, sentence: str, newline: str) -> None:
    texts = [(DATA / "locks" / folder / f"{part}.txt").read_text() for part in ("before", "after")]
    before, after = (text.replace("\n", newline) for text in texts)
    assert said(name, before, after) == [(level, sentence)]


FORMATS = {
    "bun.lock": '{{\n  "packages": {{\n    "a": ["a@{}", "", {{}}, "sha512"],\n  }}\n}}\n',
    "composer.lock": '{{"packages": [{{"name": "a", "version": "v{}"}}], "packages-dev": []}}',
    "mix.lock": '%{{\n  "a": {{:hex, :a, "{}", "0f", [:mix], [], "hexpm", "0f"}},\n}}\n',
    "packages.lock.json": '{{"dependencies": {{"net8.0": {{"a": {{"type": "Direct", "resolved": "{}"}}}}}}}}',
    "Directory.Packages.props": '<Project><ItemGroup><PackageVersion Include="a" Version="{}" /></ItemGroup></Project>',
    "pdm.lock": '[[package]]\nname = "a"\nversion = "{}"\n',
    "pylock.toml": '[[packages]]\nname = "a"\nversion = "{}"\n',
    "pubspec.lock": 'packages:\n  a:\n    dependency: "direct main"\n    version: "{}"\n',
    "Package.resolved": '{{"pins": [{{"identity": "a", "state": {{"version": "{}"}}}}]}}',
    "gradle.lockfile": "g:a:{}=runtimeClasspath\n",
    "gradle/libs.versions.toml": '[versions]\na = "{}"\n',
    "build.gradle.kts": 'dependencies {{\n  implementation("g:a:{}")\n}}\n',
    "src/A/A.csproj": '<Project><ItemGroup><PackageReference Include="a" Version="{}" /></ItemGroup></Project>',
    "src/B/B.fsproj": '<Project><PackageReference Include="a">\n  <Version>{}</Version></PackageReference></Project>',
    "packages.config": '<packages><package id="a" version="{}" targetFramework="net48" /></packages>',
    "requirements/base.txt": "a=={}\n",
    "app-requirements.txt": "a[x]==={}  # why\n",
    "constraints.txt": "a == {} ; python_version > '3'\n",
    "app/build.gradle": "implementation group: 'g', name: 'a', version: '{}'\n",
    "lib/build.gradle": "ext.a_version = '{}'\nimplementation \"g:a:$a_version\"\n",
    "web/build.gradle.kts": 'plugins {{\n  id("a") version "{}"\n}}\n',
    "service/pom.xml": (
        "<project><parent><groupId>g</groupId><artifactId>a</artifactId><version>{}</version></parent>"
        "<groupId>shop</groupId></project>"
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_major_version_in_every_format(name: str) -> None:
    before, after = FORMATS[name].format("1.2.3"), FORMATS[name].format("2.0.0")
    ((level, sentence),) = said(name, before, after)
    assert level is MEDIUM
    assert sentence.replace("v", "").endswith("a 1.2.3 → 2.0.0, a major ersion")


@pytest.mark.parametrize("name", ["dev-requirements.txt", "requirements-test.txt", "docs/requirements.txt"])
def test_what_only_developers_install_is_low(name: str) -> None:
    assert said(name, "a==1.2.3\n", "a==2.0.0\n") == [
        (LOW, f"1 package for development and tests in {name}: a 1.2.3 → 2.0.0")
    ]


@pytest.mark.parametrize(
    "name",
    [
        "bun.lockb", "deno.lock", "Podfile.lock", "conda-lock.yml", "environment.yml", "paket.lock", "rebar.lock",
        "flake.lock", "conan.lock", "Cartfile.resolved", "renv.lock", "Manifest.toml", "stack.yaml.lock", "Chart.lock",
        "build.sbt", "deps.edn", "pixi.lock", "MODULE.bazel.lock",
    ],
)  # fmt: skip
def test_a_lock_file_that_is_not_read_is_a_finding(name: str) -> None:
    assert said(name, "a", "b") == [(MEDIUM, "packages changed in a file that is not read here")]


@pytest.mark.parametrize("name", ["pyproject.toml", "package.json", "go.sum", "shop.gemspec"])
def test_what_stands_beside_a_lock_file_is_left_to_it(name: str) -> None:
    assert said(name, "a", "b") == []


def test_each_of_several_versions_is_compared_with_the_nearest() -> None:
    syn = '[[package]]\nname = "syn"\nversion = "{}"\nsource = "registry+x"\n'
    lock = syn + syn
    assert said("Cargo.lock", lock.format("1.0.0", "2.0.0"), lock.format("1.0.9", "2.1.0")) == [
        (LOW, "1 upgraded within a major version: syn")
    ]
    assert said("Cargo.lock", lock.format("1.0.0", "2.0.0"), lock.format("2.0.0", "2.0.0")) == [
        (LOW, "1 removed: syn 1.0.0")
    ]


def test_the_project_itself_is_no_package_that_it_uses() -> None:
    """livebook-dev/livebook v0.19.8..v0.19.9: cargo writes the packages of the project beside the others, without a
    source. What a registry or a repository holds has one."""
    own = '[[package]]\nname = "livebook"\nversion = "{}"\ndependencies = ["syn"]\n'
    assert said("Cargo.lock", own.format("0.19.8"), own.format("1.0.0")) == []
    poetry = '[[package]]\nname = "a"\nversion = "{}"\n[package.source]\ntype = "directory"\nurl = "../a"\n'
    assert said("poetry.lock", poetry.format("1.0"), poetry.format("2.0")) == []


def test_a_vulnerable_version_is_found_beside_a_newer_one() -> None:
    syn = '[[package]]\nname = "syn"\nversion = "{}"\nsource = "registry+x"\n'
    lock = syn.format("2.0.0")
    known = Advisory(id="CVE-2026-1", package="syn", version="1.0.109")
    found = said("Cargo.lock", lock, syn.format("1.0.109") + lock, known)
    assert found[0] == (RiskLevel.HIGH, "syn 1.0.109 is vulnerable: CVE-2026-1")


def test_go_modules() -> None:
    """A major version's path is the same module; what is excluded or only a comment is not built in."""
    go = "module x\n\nrequire (\n\tgithub.com/a/b{}\n)\nexclude (\n\tgithub.com/q/r v9.0.0\n)\n"
    assert said("go.mod", go.format(" v1.2.0"), go.format("/v2 v2.0.0 // indirect")) == [
        (MEDIUM, "github.com/a/b v1.2.0 → v2.0.0 (indirect), a major version")
    ]
    old, new = "v0.0.0-20230101000000-ffffffffffff", "v0.0.0-20240101000000-aaaaaaaaaaaa"
    assert said("go.mod", go.format(f" {old}"), go.format(f" {new}")) == [
        (LOW, "1 upgraded within a major version: github.com/a/b")
    ]
    known = Advisory(id="CVE-1", package="github.com/evil/b", version="v9.0.0")
    replaced = go.format(" v1.2.0") + "replace (\n\tgithub.com/a/b v1.2.0 => github.com/evil/b v9.0.0\n)\n"
    assert said("go.mod", go.format(" v1.2.0"), replaced, known)[0][0] is RiskLevel.HIGH
    assert (
        "../b" in said("go.mod", go.format(" v1.2.0"), go.format(" v1.2.0") + "replace github.com/a/b => ../b\n")[0][1]
    )


def test_members_of_the_workspace_are_no_dependencies() -> None:
    npm = json.dumps(
        {"packages": {"": {"version": "1"}, "packages/a": {"version": "1.0.0"}, "node_modules/b": {"version": "2"}}}
    )
    assert packages("package-lock.json", npm) == {"b": frozenset({"2"})}
    uv = '[[package]]\nname = "a"\nversion = "1"\nsource = { editable = "packages/a" }\n'
    assert packages("uv.lock", uv) == {}


def test_the_binaries_of_one_tool_are_one_line() -> None:
    names = (
        "@esbuild/linux-x64",
        "@esbuild/darwin-arm64",
        "@rollup/rollup-linux-x64-gnu",
        "@rollup/rollup-win32-x64-msvc",
    )

    def lock(version: str) -> str:
        return json.dumps({"packages": {f"node_modules/{name}": {"version": version} for name in names}})

    assert said("package-lock.json", lock("4.1.0"), lock("5.0.0")) == [
        (MEDIUM, "@esbuild/* 4.1.0 → 5.0.0, a major version"),
        (MEDIUM, "@rollup/rollup-* 4.1.0 → 5.0.0, a major version"),
    ]


ORDERED = {
    Scheme.PYTHON: ["1.0.dev1", "1.0a9", "1.0a10", "1.0rc1", "1.0", "1.0.post1", "1.1", "2023.7.22", "1!0.1"],
    Scheme.SEMVER: ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
                    "1.0.0", "1.0.10", "v1.2.0+incompatible"],
    Scheme.RUBY: ["7.1.0.beta1", "7.1.0.rc1", "7.1.0", "7.1.0.1", "7.1.3"],
    Scheme.MAVEN: ["1.0-SNAPSHOT", "1.0.0.Final", "1.0-jre", "1.1.RELEASE", "31.1-jre"],
}  # fmt: skip
"""SemVer's list stands in its section 11, Python's in PEP 440's summary of permitted suffixes."""


@pytest.mark.parametrize("scheme", ORDERED)
def test_versions_are_ordered_by_their_own_rules(scheme: Scheme) -> None:
    versions = ORDERED[scheme]
    for index, one in enumerate(versions):
        assert [compare(one, other, scheme) for other in versions[index + 1 :]] == [-1] * (len(versions) - index - 1), (
            one
        )


@pytest.mark.parametrize(
    ("one", "other", "scheme"),
    [("1.0", "1.0.0", Scheme.PYTHON), ("1.0.0+a", "1.0.0+b", Scheme.SEMVER), ("1.0", "1.0.0.Final", Scheme.MAVEN)],
)
def test_the_same_version_in_other_words(one: str, other: str, scheme: Scheme) -> None:
    assert compare(one, other, scheme) == 0
    assert not has_major_step(one, other, scheme)


@pytest.mark.parametrize(
    ("one", "other", "is_major"),
    [
        ("0.4.9", "0.5.0", True),
        ("1.9.0", "2.0.0", True),
        ("0.9.0", "1.0.0", True),
        ("2.0.0rc1", "2.0.0", False),
        ("2023.7.22", "2024.2.2", False),
        ("20230101.0", "20240101.0", False),
        ("2013.4", "3.0", True),
        ("9" * 5_000, "1", True),
    ],
)
def test_what_a_major_version_is(one: str, other: str, is_major: bool) -> None:
    assert has_major_step(one, other, Scheme.PYTHON) is is_major


def test_a_minor_version_before_1_is_not_called_major() -> None:
    assert said("go.mod", "require a.org/b v0.66.1\n", "require a.org/b v0.70.0\n") == [
        (MEDIUM, "a.org/b v0.66.1 → v0.70.0, a minor version before 1.0, which may break")
    ]
    assert said("app-requirements.txt", "a==0.9\n", "a==1.0\n") == [(MEDIUM, "a 0.9 → 1.0, a major version")]


_CATALOG = (
    '[versions]\nokio = "3.16.4"\n[libraries]\nokio = {module = "com.squareup.okio:okio", version.ref = "okio"}\n'
)


@pytest.mark.parametrize(
    ("after", "sentences"),
    [
        pytest.param(_CATALOG.replace('okio = "3', 'o = "3').replace('"okio"', '"o"'), [], id="renamed"),
        pytest.param(
            '[libraries]\nokio = {module = "com.squareup.okio:okio", version = "3.17.0"}\n',
            ["1 upgraded within a major version: com.squareup.okio:okio"], id="moved to its library",
        ),
        pytest.param(
            _CATALOG.replace("3.16.4", "4.0.0"),
            ["com.squareup.okio:okio 3.16.4 → 4.0.0, a major version"], id="upgraded",
        ),
        pytest.param(
            _CATALOG.replace('version.ref = "okio"', 'version = {strictly = "4.0.0"}'),
            ["com.squareup.okio:okio 3.16.4 → 4.0.0, a major version", "1 new: okio"], id="rich",
        ),
    ],
)  # fmt: skip
def test_a_version_catalog_is_read_by_its_modules(after: str, sentences: list[str]) -> None:
    assert [sentence for _, sentence in said("gradle/libs.versions.toml", _CATALOG, after)] == sentences
