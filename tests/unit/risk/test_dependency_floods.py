"""R17: upgraded packages in few findings, with the page where their changes are."""

from __future__ import annotations

import json

import pytest

from pilotage.model.change import Entry, FilePatch
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk import entries
from pilotage.risk.advisories import Advisories
from pilotage.risk.dependencies import findings_of
from pilotage.risk.dependency_floods import grouped
from pilotage.risk.direct_packages import direct_of
from pilotage.risk.package_pages import page_of


def major(name: str, place: str = "yarn.lock") -> Finding:
    return Finding(RiskFactor.DEPENDENCIES, RiskLevel.MEDIUM, f"{name} 1.0.0 → 2.0.0, a major version", place, "read")


def test_many_major_versions_are_one_finding() -> None:
    minor = Finding(RiskFactor.DEPENDENCIES, RiskLevel.LOW, "37 upgraded within a major version: a, b", "yarn.lock")
    found = grouped([major("a"), major("b"), major("c"), major("d"), minor])
    assert [one.sentence for one in found] == [
        "41 packages upgraded, 4 of them by a major version: "
        "a 1.0.0 → 2.0.0, b 1.0.0 → 2.0.0, c 1.0.0 → 2.0.0 and 1 more"
    ]
    assert found[0].level is RiskLevel.MEDIUM


def test_the_files_of_a_flood_are_counted_once() -> None:
    files = {"a": ["client/go.mod", "go.mod"], "b": ["go.mod", "server/go.mod"], "c": ["go.mod"], "d": ["go.mod"]}
    (flood,) = grouped([major(name, file) for name, several in files.items() for file in several])
    assert flood.place == "client/go.mod and 2 more"


def test_what_matters_most_of_a_flood_is_named() -> None:
    """Not what comes first in the alphabet: major versions before others, and what the project asks for before what
    only its packages need."""
    names = {"aa": "1.0.0", "bb": "1.0.0", "cc": "0.1.0", "dd": "1.0.0", "zz": "1.0.0"}
    after = {"aa": "2.0.0", "bb": "2.0.0", "cc": "0.2.0", "dd": "1.1.0", "zz": "2.0.0"}
    asked = {"": {"dependencies": {"zz": "*", "cc": "*"}}}

    def lock(versions: dict[str, str]) -> str:
        pinned = {f"node_modules/{name}": {"version": version} for name, version in versions.items()}
        return json.dumps({"lockfileVersion": 3, "packages": {**asked, **pinned}})

    (flood,) = grouped(findings_of("package-lock.json", lock(names), lock(after), Advisories()))
    assert flood.sentence == (
        "5 packages upgraded, 4 of them by a version that may break: "
        "zz 1.0.0 → 2.0.0, aa 1.0.0 → 2.0.0 (indirect), bb 1.0.0 → 2.0.0 (indirect) and 1 more"
    )


def test_tools_before_1_are_listed_and_major_versions_first() -> None:
    files = [f"[[package]]\nname='{n}'\nversion='{v}'\ngroups=['{g}']\n" for n, v, g in (
        ("a", "1.0", "main"), ("b", "1.0", "dev"), ("c", "0.1", "dev"), ("d", "1.0", "dev"))]  # fmt: skip
    before = "".join(files)
    after = before.replace("'b'\nversion='1.0'", "'b'\nversion='1.1'").replace("'0.1'", "'0.2'")
    after = after.replace("'d'\nversion='1.0'", "'d'\nversion='2.0'")
    (fact,) = findings_of("poetry.lock", before, after, Advisories())
    assert fact.sentence == "3 packages for development and tests in poetry.lock: d 1.0 → 2.0, c 0.1 → 0.2, b"


@pytest.mark.parametrize(
    ("path", "text", "direct"),
    [
        ("uv.lock", "[[package]]\nname='me'\nsource={virtual='.'}\ndependencies=[{name='Dj_ango'}]\n", {"dj-ango"}),
        ("Cargo.lock", "[[package]]\nname='me'\ndependencies=['rand 0.8']\n", {"rand"}),
        ("go.mod", "module a\nrequire (\n\ta.b/c v1.0.0\n\td.e/f v1.0.0 // indirect\n)\n", {"a.b/c"}),
        ("Gemfile.lock", "GEM\n\nDEPENDENCIES\n  rails (~> 8)\n  pry!\n\nX\n", {"rails", "pry"}),
        ("yarn.lock", "a@1:\n  version 1\n", None),
        ("package-lock.json", "{", None),
    ],
)  # fmt: skip
def test_what_a_project_asks_for_itself(path: str, text: str, direct: set[str] | None) -> None:
    assert direct_of(path, text) == direct


def test_one_upgrade_of_many_lock_files_is_one_finding_and_few_stay_as_they_are() -> None:
    found = grouped([major("a", "a/yarn.lock"), major("a", "b/yarn.lock"), major("a", "c/yarn.lock"), major("b")])
    assert [one.place for one in found] == ["a/yarn.lock and 2 more", "yarn.lock"]


def test_other_findings_are_left_alone() -> None:
    same = [Finding(RiskFactor.MIGRATIONS, RiskLevel.HIGH, "drops it", place) for place in ("1.sql", "2.sql")]
    assert grouped(same) == same


@pytest.mark.parametrize(
    ("path", "name", "version", "page"),
    [
        ("web/package-lock.json", "@babel/core", "8.0.0", "https://www.npmjs.com/package/@babel/core/v/8.0.0"),
        ("uv.lock", "django", "6.0", "https://pypi.org/project/django/6.0/"),
        ("Cargo.lock", "rand", "0.9.0", "https://crates.io/crates/rand/0.9.0"),
        ("go.mod", "github.com/a/b/v2", "v2.1.0", "https://github.com/a/b/releases"),
        ("go.mod", "golang.org/x/net", "v0.9.0", "https://pkg.go.dev/golang.org/x/net@v0.9.0"),
        ("Gemfile.lock", "rails", "8.0.0", "https://rubygems.org/gems/rails/versions/8.0.0"),
        ("pom.xml", "org.a:b", "6.0.0", "https://central.sonatype.com/artifact/org.a/b/6.0.0"),
        ("yarn.lock", "@esbuild/*", "5.0.0", ""),
        ("yarn.lock", 'x"><script>', "5.0.0", ""),
        ("yarn.lock", "a", "main", ""),
        ("Package.resolved", "swift-nio", "3.0.0", ""),
    ],
)
def test_the_page_of_a_package_is_formed_only_where_it_is_known(path: str, name: str, version: str, page: str) -> None:
    assert page_of(path, name, version) == page


POM = """<project>
  <parent><groupId>org.shop</groupId><artifactId>parent</artifactId><version>{0}</version></parent>
  <artifactId>cart</artifactId>{1}
  <dependencies>
    <dependency><groupId>org.shop</groupId><artifactId>money</artifactId><version>{0}</version></dependency>
    <dependency><groupId>org.shop</groupId><artifactId>elsewhere</artifactId><version>3.{0}</version></dependency>
    <dependency><groupId>org.other</groupId><artifactId>tax</artifactId><version>{0}</version></dependency>
  </dependencies>
</project>
"""


@pytest.mark.parametrize("own", ["", "<version>{}</version>", "<groupId>org.shop</groupId><version>{}</version>"])
def test_parts_of_the_same_build_are_no_packages_that_were_upgraded(own: str) -> None:
    before, after = (POM.format(number, own.format(number)) for number in ("1.2.0", "1.3.0"))
    (found,) = findings_of("cart/pom.xml", before, after, Advisories())
    assert found.sentence == "2 upgraded within a major version: org.other:tax, org.shop:elsewhere"


def test_many_submodules_are_one_finding() -> None:
    def moved(count: int) -> list[Finding]:
        paths = [f"syntaxes/{n}" for n in range(count)]
        return entries.findings_of(
            FilePatch(path=one, before=one, added=1, deleted=1, entry=Entry.SUBMODULE) for one in paths
        )

    assert len(moved(3)) == 3
    (found,) = moved(7)
    assert found.sentence == (
        "7 submodules are new or at another commit: syntaxes/0, syntaxes/1, syntaxes/2 and 4 more"
    )
