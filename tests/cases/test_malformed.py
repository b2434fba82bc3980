"""What is malformed is refused with its place, in words of ours (R5, R17). The fuzz found each of these."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilotage.risk.locks import UnreadableLock, packages
from pilotage.risk.migrations import findings_of

from .evidence import proof, written


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        (
            "findings",
            b'{\n "runs": [],\n "version": 1,\n "runs": []\n}',
            "report:4:2: is not valid JSON: the key 'runs' appears twice",
        ),
        ("findings", b'{"runs":\n ' + b"9" * 5000 + b"}", "report:2:2: is not valid JSON: a number of 5000 digits"),
        ("findings", b'{"a":\n' + b"[" * 100_000, "report:2:200: is not valid JSON: nested deeper than 200 levels"),
        ("findings", b'{"runs": [],\n}', "report:2:1: is not valid JSON"),
        ("tests", b"TAP version 13\n1..3\nok 1\n", "report:2: plans 3 tests, and 1 are listed"),
        ("tests", '<?xml version="1.0"?>\n<a>é'.encode("utf-16")[:-1], "report:2: is not text in utf-16"),
        ("coverage", b"SF:a.py\nDA:1,1\n", "report:2: is truncated"),
        (
            "coverage",
            b'<coverage lines-valid="x" lines-covered="1">\n</coverage>',
            "report:1: lines-valid is 'x', not a number",
        ),
    ],
)
def test_a_report_that_is_not_well_formed_is_refused_with_its_place(
    tmp_path: Path, kind: str, content: bytes, words: str
) -> None:
    wanted = "report" if kind == "coverage" else ["report"]
    found = proof(written(tmp_path, content), kind, **{kind: wanted})
    assert not found.ready
    assert words in found.sentence


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("tests", f'<?xml version="1.0" encoding="ISO-{"9" * 10_000}"?><testsuite/>'),
        (
            "findings",
            json.dumps(
                {
                    "runs": [{"tool": {"driver": {"name": "t"}}, "results": [{"level": "x" * 10_000}]}],
                    "version": "2.1.0",
                }
            ),
        ),
    ],
)
def test_a_refusal_fits_a_screen_whatever_the_report_says(tmp_path: Path, kind: str, content: str) -> None:
    found = proof(written(tmp_path, content), kind, **{kind: ["report"]})
    assert not found.ready
    assert len(found.sentence) < 700


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("package-lock.json", '{"dependencies": {"a": {"version": "1", "dependencies": {"b": {}}}}}',
         "'dependencies.a.dependencies.b.version' is missing"),
        ("package-lock.json", '{"packages": {"node_modules/a": 7}}', "packages.node_modules/a is 7, not an object"),
        ("package-lock.json", "{\n,", "line 2, column 1"),
        ("package-lock.json", '{"a":' + "[" * 100_000, "line 1, column 205: nested deeper than 200 levels"),
        ("composer.lock", '{"packages": [{"name": "a/b"}]}', "'packages.0.version' is missing"),
        ("composer.lock", '{"packages": {"a": 1}}', "packages is {'a': 1}, not a list"),
        ("composer.lock", "[]", "the document is [], not an object"),
        ("Pipfile.lock", '{"default": {"a": "1.0"}}', "default.a is '1.0', not an object"),
        ("packages.lock.json", '{"dependencies": {"net8.0": []}}', "dependencies.net8.0 is [], not an object"),
        ("Package.resolved", '{"pins": [{"state": {"version": "1"}}]}', "'pins.0.package' is missing"),
        ("Cargo.lock", '[[package]]\nversion = "1.0"\n', "'package.0.name' is missing"),
        ("Cargo.lock", '[[package]]\nname = "a', "line 2"),
        ("poetry.lock", 'package = "x"', "package is 'x', not a list"),
        ("libs.versions.toml", "[libraries]\na = 7\n", "libraries.a is 7, not an object"),
        ("yarn.lock", 'a@1:\n  version "1.0"\n<<<<<<< HEAD\nb@1:\n  version "1.0"\n=======\n>>>>>>> x\n',
         "line 3 is a conflict of a merge"),
        ("go.mod", "module a\n\n<<<<<<< ours\nrequire b.c/d v1.0.0\n", "line 3 is a conflict of a merge"),
    ],
)  # fmt: skip
def test_a_lock_file_of_another_shape_is_refused_with_its_place(name: str, text: str, words: str) -> None:
    with pytest.raises(UnreadableLock) as refused:
        packages(name, text)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param("composer.lock", '{"packages": [{"name": "a", "version": 20180828}], "packages-dev": null}',
                     {"a": {"20180828"}}, id="composer writes null for no packages, and numbers"),
        pytest.param("pnpm-lock.yaml", "lockfileVersion: '9'\npackages:\n    a@1.0.0:\n        engines: {node: '*'}\n",
                     {"a": {"1.0.0"}}, id="pnpm-lock.yaml that Prettier formatted"),
        pytest.param("requirements.txt", "a==1.0\rb==2.0\r", {"a": {"1.0"}, "b": {"2.0"}}, id="line ends of old Macs"),
        pytest.param("requirements.txt", "a==1.0,!=2.0\n", {"a": {"1.0"}}, id="a second clause"),
    ],
)  # fmt: skip
def test_a_lock_file_in_an_unusual_shape_is_read(name: str, text: str, expected: dict[str, set[str]]) -> None:
    assert {name: {*versions} for name, versions in (packages(name, text) or {}).items()} == expected


@pytest.mark.parametrize("text", ["e--SELECT", '"";-->', "SELECT 1; x--\n", "- - - -"])
def test_a_statement_of_which_the_parser_lost_a_part_is_no_internal_error(text: str) -> None:
    """sqlglot's own fixture `pushdown_projections.sql` was one: its writer trips over a negation of nothing."""
    assert isinstance(findings_of("db/migrate/1.sql", text), list)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SELECT 1;\nSELECT 'abc\n", 2),
        ("SELECT 1;\nSELECT " + "(" * 300 + "\n", 2),
        ("-- +goose Down\nDROP TABLE a;\n-- +goose Up\nSELECT 1;\n/* x\n", 5),
        ("COPY a FROM stdin;\n1\n2\n\\.\nSELECT '", 5),
    ],
)
def test_sql_that_cannot_be_read_says_in_which_line(text: str, line: int) -> None:
    (found,) = findings_of("db/migrate/1.sql", text)
    assert found.sentence == f"unreadable SQL, at the latest in line {line}: review it by hand"
