"""R17: upgraded packages in few findings, with the page where their changes are."""

from __future__ import annotations

import pytest

from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.dependency_floods import grouped
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
