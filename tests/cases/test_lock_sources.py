"""The same version from another place, and packages that pin none (R17). Beside test_locks.py, in every format."""

from __future__ import annotations

import json

import pytest

from tests.cases.test_locks import MEDIUM, said

COMMITTED = '[[package]]\nname = "a"\nversion = "1"\n[package.source]\ntype = "git"\nresolved_reference = "{}"\n'
FROM_GIT = {
    "package-lock.json": '{{"packages": {{"node_modules/a": {{"version": "1.0.0", "resolved": "git+ssh://x/a.git#{}"}}}}}}',
    "npm-shrinkwrap.json": '{{"dependencies": {{"a": {{"version": "git+ssh://git@x/a.git#{}"}}}}}}',
    "Cargo.lock": '[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "git+https://x/a?branch=main#{}"\n',
    "uv.lock": '[[package]]\nname = "a"\nversion = "1"\nsource = {{ git = "https://x/a?rev=main#{}" }}\n',
    "poetry.lock": COMMITTED,
    "Gemfile.lock": "GIT\n  remote: https://x/a\n  revision: {}\n  specs:\n    a (1.0)\n",
    "composer.lock": '{{"packages": [{{"name": "a", "version": "dev-main", "source": {{"reference": "{}"}}}}]}}',
    "mix.lock": '%{{\n  "a": {{:git, "https://x/a.git", "{}", [branch: "main"]}},\n}}\n',
    "requirements.txt": "git+https://x/a.git@{}#egg=a\n",
}


@pytest.mark.parametrize("name", FROM_GIT)
def test_a_package_has_one_version_and_another_commit_is_another_program(name: str) -> None:
    """google/osv-scanner#30, in the other formats: the version stays, what is built in does not."""
    assert said(name, FROM_GIT[name].format("1234567"), FROM_GIT[name].format("89abcde")) == [
        (MEDIUM, "a commit 1234567 → commit 89abcde, with no version to compare")
    ]


def npm(**package: str) -> str:
    return json.dumps({"packages": {"node_modules/a": {"version": "1.0.0", **package}}})


def yarn(host: str) -> str:
    return f'a@^1:\n  version "1.0.0"\n  resolved "https://{host}/a.tgz#0"\n'


def cargo(field: str) -> str:
    return f'[[package]]\nname = "a"\nversion = "1.0.0"\n{field}\n'


NPM, OTHER = "https://registry.npmjs.org/a.tgz", "https://other.example/a.tgz"


@pytest.mark.parametrize(
    ("name", "before", "after", "words"),
    [
        ("package-lock.json", npm(resolved=NPM), npm(resolved=OTHER), "a 1.0.0 from other.example, until now from"),
        ("package-lock.json", npm(integrity="sha512-one"), npm(integrity="sha512-two"), "a 1.0.0 has another checksum"),
        ("package-lock.json", npm(integrity="sha1-one"), npm(integrity="sha512-two"), ""),
        ("package-lock.json", npm(resolved=NPM.replace("npmjs.org", "yarnpkg.com")), npm(resolved=NPM), ""),
        ("yarn.lock", yarn("registry.yarnpkg.com"), yarn("other.example"), "a 1.0.0 from other.example"),
        ("Cargo.lock", cargo('checksum = "00"'), cargo('checksum = "11"'), "a 1.0.0 has another checksum"),
        ("Cargo.lock", cargo('source = "sparse+https://index.crates.io/"'),
         cargo('source = "registry+https://github.com/rust-lang/crates.io-index"'), ""),
    ],
)  # fmt: skip
def test_a_package_has_one_version_and_another_source_is_another_program(
    name: str, before: str, after: str, words: str
) -> None:
    found = said(name, before, after)
    assert [words in sentence for _, sentence in found] == ([True] if words else [])


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("a>=1,<2", "a>=2,<3", "a >=1,<2 → >=2,<3, with no version to compare"),
        ("a==1.0", "a", "a 1.0 → any, with no version to compare"),
        ("a==1.*", "a==2.*", "a ==1.* → ==2.*, with no version to compare"),
        (
            "a @ https://x/a-1.tar.gz",
            "a @ https://x/a-2.tar.gz",
            "https://x/a-1.tar.gz → https://x/a-2.tar.gz, with no",
        ),
        ("a==1!1.0", "a==1!2.0", "a 1!1.0 → 1!2.0, a major version"),
        ("Foo_Bar==1.0", "foo-bar==1.0 \\\n    --hash=sha256:aa", ""),
    ],
)
def test_what_requirements_leave_open_is_said(before: str, after: str, words: str) -> None:
    found = said("requirements.txt", f"{before}\n", f"{after}\n")
    assert [words in sentence for _, sentence in found] == ([True] if words else [])


def test_what_is_the_projects_own_is_no_dependency_in_any_format() -> None:
    gems = "PATH\n  remote: .\n  specs:\n    shop ({})\n\nGEM\n  specs:\n    rack (3.0.0)\n"
    assert said("Gemfile.lock", gems.format("1.0"), gems.format("2.0")) == []
    workspace = '"shop@workspace:.":\n  version: {}\n  resolution: "shop@workspace:."\n'
    assert said("yarn.lock", workspace.format("1.0.0"), workspace.format("2.0.0")) == []
    inner = "<dependency><groupId>g</groupId><artifactId>a</artifactId><version>{}</version></dependency>"
    pom = f"<project><!-- {inner} --></project>"
    assert said("pom.xml", pom.format("1"), pom.format("2")) == []


def test_modules_of_gopkg_in_are_one_module() -> None:
    before, after = (f"module x\nrequire gopkg.in/yaml.v{major} v{major}.0.1\n" for major in (2, 3))
    assert said("go.mod", before, after) == [(MEDIUM, "gopkg.in/yaml v2.0.1 → v3.0.1, a major version")]
