"""How a tool writes a format that Pilotage reads, for each format that it does not."""

from __future__ import annotations

from collections.abc import Mapping

WAYS_OUT: Mapping[str, str] = {
    "ESLint JSON": "Write SARIF: eslint -f @microsoft/eslint-formatter-sarif",
    "Ruff JSON": "Write SARIF: ruff check --output-format sarif",
    "Gitleaks JSON": "Write SARIF: gitleaks -f sarif",
    "gosec JSON": "Write SARIF: gosec -fmt sarif",
    "Brakeman JSON": "Write SARIF: brakeman -f sarif",
    "tfsec JSON": "Write SARIF: tfsec -f sarif",
    "Failsafe's summary": "Use the reports next to it: target/failsafe-reports/TEST-*.xml",
    "Catch2 XML": "Write JUnit XML: -r junit",
    "Qt Test XML": "Write JUnit XML: -o results.xml,junitxml",
    "SimpleCov JSON": "Write lcov or Cobertura: simplecov-lcov, simplecov-cobertura",
    "gcov JSON": "Write Cobertura or lcov: gcovr --cobertura",
    "golangci-lint JSON": "Write SARIF: golangci-lint --output.sarif.path",
    "Snyk JSON": "Write SARIF: snyk test --sarif-file-output",
    "Checkov JSON": "Write SARIF: checkov -o sarif",
    "govulncheck JSON": "Write SARIF: govulncheck -format sarif",
    "an empty list of results, which names no tool": "Write SARIF: osv-scanner --format sarif",
    "CycloneDX XML": "Write JSON",
    "dependency-check XML": "Write JSON or SARIF: --format JSON",
    "SpotBugs XML": "Write SARIF: spotbugs -sarif",
    "Checkstyle XML": "Write SARIF: checkstyle -f sarif",
    "PMD XML": "Write SARIF: pmd -f sarif",
    "xUnit.net XML": "Write TRX: dotnet test --logger trx",
    "NUnit 3 XML": "Write JUnit XML or TRX",
    "Visual Studio's coverage XML": "Write Cobertura: dotnet-coverage merge -f cobertura",
    "OpenCover XML": "Write Cobertura or lcov",
    "dotCover XML": "Write Cobertura or lcov",
    "scoverage XML": "Use the Cobertura report next to it",
    "Clover XML": "Write Cobertura or lcov",
    "Istanbul's JSON summary": "Write lcov: --coverageReporters lcov",
    "Jest JSON": "Write JUnit XML: jest-junit",
    "Google Benchmark JSON": "Write {name: [seconds, …]}",
    "JMH JSON": "Write {name: [seconds, …]}",
    "an error of npm": "The audit itself failed",
}
