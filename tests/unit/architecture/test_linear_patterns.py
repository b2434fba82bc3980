"""No text can make a regular expression of ours run on: the work grows with the length of the text, not faster.

Every pattern of `src` is found by itself, so a new one is tried without being listed. For each, texts are built from
its own parts to make it retry as often as it can. What takes noticeable time at one length is tried at twice that.
"""

from __future__ import annotations

import ast
import importlib
import re
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.metrics.samples import samples_of
from pilotage.app.proposals import found as proposals
from pilotage.judge.templates import BadAnalysisTemplate, rules_of
from pilotage.model import commit, quantity
from pilotage.model import file_kind as files
from pilotage.model.json import JsonObject
from pilotage.model.text import clean
from pilotage.report import commits
from pilotage.report.changelog import updated
from pilotage.risk.locks import packages
from pilotage.risk.migrations import findings_of

# Inner modules of re: a type checker knows them or not, as it finds them.
parser, sre = importlib.import_module("re._parser"), importlib.import_module("re._constants")

SOURCE = Path(__file__).parents[3] / "src" / "pilotage"
LENGTH = 2_000
SHORT = {
    **{
        f"app.proposals.{name}": proposals.LONGEST_LINE
        for name in ("proposing._ASKED", "starts._APP", "starts._FLAG", "starts._STARTED")
    },
    "model.quantity._PART": quantity._LONGEST,
    **{f"model.file_kind.{name}": files.LONGEST_PATH for name in ("_MIGRATION", "_DEPLOYED", "_OF_DOCS")},
    **{f"risk.infrastructure._KINDS{number or ''}": files.LONGEST_PATH for number in range(9)},
    "report.commits._TOPIC": commit.LONGEST_SUBJECT,
    **{
        f"report.commit_words.{name}{number or ''}": commit.LONGEST_SUBJECT
        for name in ("_VERBS", "_ANYWHERE", "_TELLING")
        for number in range(10)
    },
}
"""Patterns whose callers cut the text first: how many characters they let through."""

MATCHED = {
    "report.commit_words._VERBS": {"match"},
}
"""Lists of patterns, and how they are asked."""


@cache
def _modules() -> tuple[tuple[str, ast.Module], ...]:
    """Every module that has a regular expression; those of the demo meet their own texts only."""
    return tuple(
        (".".join(path.relative_to(SOURCE).with_suffix("").parts), ast.parse(path.read_text()))
        for path in sorted(SOURCE.rglob("*.py"))
        if "demo" not in path.parts and "import re\n" in path.read_text()
    )


def _compiled(value: object, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict) and depth < 4:
        yield from _compiled(tuple(value.values()), depth + 1)
    elif isinstance(value, tuple | list) and depth < 4:
        for part in value:
            yield from _compiled(part, depth + 1)


def _all() -> Iterator[tuple[str, re.Pattern[Any], bool]]:
    """Module and first letters, the pattern, and whether it is looked for anywhere in a text."""
    for module, tree in _modules():
        nodes = list(ast.walk(tree))
        attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
        for name, value in vars(importlib.import_module(f"pilotage.{module}")).items():
            for index, pattern in enumerate(_compiled(value)):
                asked = _methods(attributes, name) or MATCHED.get(f"{module}.{name}") or {"search"}
                anywhere = bool(asked - {"match", "fullmatch", "pattern"})
                yield f"{module}.{name}{index or ''}", pattern, anywhere
        for function, call in _written(nodes):
            if function not in ("compile", "escape") and isinstance(call.args[0], ast.Constant):
                flags = re.DOTALL if "DOTALL" in ast.unparse(call) else 0
                written = re.compile(str(call.args[0].value), flags)
                yield f"{module}:{call.lineno}", written, function not in ("match", "fullmatch")


def _written(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.Call]]:
    """Calls such as `re.search(r"…", text)`, and which function of `re` they call."""
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=function)):
                yield function, node


def _methods(attributes: list[ast.Attribute], name: str) -> set[str]:
    """How a module asks a pattern of that name: only `match` and `fullmatch` begin where they are told to."""
    return {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == name}


PATTERNS = list(_all())


def _fits(code: object, argument: Any, char: str) -> bool:
    match code:
        case sre.LITERAL:
            return bool(ord(char) == argument)
        case sre.NOT_LITERAL:
            return bool(ord(char) != argument)
        case sre.ANY:
            return char != "\n"
        case sre.RANGE:
            return bool(argument[0] <= ord(char) <= argument[1])
        case sre.IN:
            negated = argument[0][0] is sre.NEGATE
            return any(_fits(code, value, char) for code, value in argument[negated:]) != negated
        case sre.CATEGORY:
            return {
                sre.CATEGORY_DIGIT: char.isdigit(), sre.CATEGORY_NOT_DIGIT: not char.isdigit(),
                sre.CATEGORY_SPACE: char.isspace(), sre.CATEGORY_NOT_SPACE: not char.isspace(),
                sre.CATEGORY_WORD: char.isalnum() or char == "_",
                sre.CATEGORY_NOT_WORD: not (char.isalnum() or char == "_"),
            }[argument]  # fmt: skip
    return False


@dataclass(frozen=True)
class Recipe:
    """A text whose unit is repeated to any length."""

    head: str
    unit: str
    tail: str

    def text(self, length: int) -> str:
        return f"{self.head}{(self.unit or 'a') * (length // max(1, len(self.unit)))}{self.tail}"


class _Adversary:
    """Texts that match the beginning of a pattern, then repeat one of its parts, then break off."""

    def __init__(self, pattern: re.Pattern[Any], favourite: str, often: int) -> None:
        self._favourite, self._often = favourite, often
        self.parts: list[tuple[str, str]] = []
        """What comes before a repeated part, and the part."""
        text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
        self.whole = self._sequence(parser.parse(text, pattern.flags & ~re.UNICODE), "")

    def _sequence(self, nodes: Any, before: str) -> str:
        made = ""
        for code, argument in nodes:
            made += self._node(code, argument, before + made)
        return made

    def _node(self, code: object, argument: Any, before: str) -> str:
        match code:
            case sre.LITERAL:
                return chr(int(argument))
            case sre.MAX_REPEAT | sre.MIN_REPEAT | sre.POSSESSIVE_REPEAT:
                least, most, inner = argument
                once = self._sequence(inner, before)
                if most > 3:
                    self.parts.append((before, once))
                return once * int(max(least, min(most, self._often)))
            case sre.SUBPATTERN:
                return self._sequence(argument[-1], before)
            case sre.ATOMIC_GROUP:
                return self._sequence(argument, before)
            case sre.BRANCH:
                branches: list[str] = [self._sequence(branch, before) for branch in argument[1]]
                return branches[-self._often % len(branches)]
            case sre.IN | sre.NOT_LITERAL | sre.ANY:
                liked = (self._favourite, *"a0A -./\n\"'#")
                return str(next((char for char in liked if _fits(code, argument, char)), "\x01"))
        return ""

    def recipes(self) -> Iterator[Recipe]:
        yield Recipe("", self.whole, "")
        yield Recipe("", f"{self.whole}\n", "\x02")
        for before, part in self.parts:
            for head, unit in ((before, part), ("", before + part), ("", before), ("", before + "\n")):
                yield from (Recipe(head, unit, tail) for tail in ("", "\x02", "\n\x02"))


def _recipes(pattern: re.Pattern[Any]) -> set[Recipe]:
    literals = {char for char in str(pattern.pattern) if not char.isalnum()} - set("\\^$*+?|")
    found = {Recipe("", char, "") for char in (*literals, *"a0A\n\t")}
    for favourite in sorted(literals | set("aA0 \n\t.[")):
        for often in (0, 1, 3):
            found.update(_Adversary(pattern, favourite, often).recipes())
    return found


class TooLongError(Exception):
    pass


def _cost(pattern: re.Pattern[Any], text: str, anywhere: bool) -> float:
    """Seconds."""
    content: Any = text if isinstance(pattern.pattern, str) else text.encode("latin-1", "ignore")
    began = time.perf_counter()
    if anywhere:
        for _ in pattern.finditer(content):
            pass
    else:
        pattern.match(content)
        pattern.fullmatch(content)
    return time.perf_counter() - began


def _raise(*_: object) -> None:
    raise TooLongError


@pytest.fixture
def alarm() -> Iterator[Callable[[float], None]]:
    """Seconds of the processor until TooLongError; `re` looks for signals while it works."""
    before = signal.signal(signal.SIGVTALRM, _raise)

    def within(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)

    yield within
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize(("name", "pattern", "anywhere"), PATTERNS, ids=[name for name, _, _ in PATTERNS])
def test_twice_the_text_is_about_twice_the_work(
    name: str, pattern: re.Pattern[Any], anywhere: bool, alarm: Callable[[float], None]
) -> None:
    length = SHORT.get(name, LENGTH)
    for recipe in _recipes(pattern):
        alarm(3)
        try:
            if (cost := _cost(pattern, recipe.text(length), anywhere)) > 0.005:
                cost = min(cost, _cost(pattern, recipe.text(length), anywhere))
            if name in SHORT:
                assert cost < 0.5, f"{name} took {cost:.2f} s over {length} characters: {recipe}"
            elif cost > 0.005:
                times = min(_cost(pattern, recipe.text(4 * length), anywhere) for _ in range(3)) / cost
                assert times < 9, f"{name}: of a text four times as long it took {times:.0f} times as long: {recipe}"
        except TooLongError:
            pytest.fail(f"{name} does not come to an end over {length} characters: {recipe}")
        finally:
            alarm(0)


_BOUNDED = {"adapters.git_attribute_rules"}
"""What makes patterns from texts all the same, each proven by tests of its own: of few stars, each of which takes the
first place where what follows it fits."""


def test_no_pattern_is_made_from_a_text_while_the_program_runs() -> None:
    """Only patterns that stand in the code are compiled, so that the test above sees every one."""
    made = [
        f"{module}:{call.lineno}"
        for module, tree in _modules()
        for part in ast.walk(tree)
        if isinstance(part, ast.FunctionDef)
        for function, call in _written(ast.walk(part))
        if function == "compile" or (function != "escape" and not isinstance(call.args[0], ast.Constant))
        if module not in _BOUNDED
    ]
    assert made == []


def _told(message: str) -> commits.Change:
    return commits.classify(commit.Commit("a" * 40, (), "Ada", "ada@example.org", 0.0, message))


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (lambda text: packages("yarn.lock", text), '"a@1":\n' + "  \n" * 60_000),
        (lambda text: packages("yarn.lock", text), '"a@1":\n' * 60_000),
        (lambda text: packages("go.mod", text), "\n" * 60_000 + "a." * 60_000),
        (lambda text: packages("requirements.txt", text), "\n" * 60_000 + "a[" * 60_000),
        (lambda text: packages("pom.xml", text), "<dependency>" + "\n" * 60_000),
        (lambda text: packages("Gemfile.lock", text), "    a (\n" * 30_000),
        (lambda text: packages("pnpm-lock.yaml", text), "  a/a" * 30_000),
        (lambda text: findings_of("changelog.xml", text), "<!--" * 40_000 + "<rollback" * 40_000),
        (lambda text: findings_of("db/migrate/1_a.rb", text), "\n" * 30_000 + "def down\n" * 30_000),
        (lambda text: findings_of("db/migrate/1_a.rb", text), "add_index :a " * 30_000),
        (lambda text: findings_of("migrations/1.sql", text), f"SELECT {'ARRAY[' * 30}1{']' * 30};"),
        (lambda text: findings_of("migrations/1.sql", text), "SELECT * FROM a " + "JOIN b " * 40),
        (lambda text: findings_of("migrations/1.sql", text), "SELECT " + "(" * 3_000),
        (lambda text: findings_of("migrations/1.sql", text), "ALTER TABLE a ADD CHECK (b), " + "ADD CHECK (b), " * 500),
        (clean, "\x1b]" * 60_000 + "\n"),
        (clean, "\x1b[" + "0" * 60_000),
        (_told, f"Co-authored-by:{' ' * 3_000}\n" * 20),
        (_told, "a\n\n" + "-" * 120_000),
        (_told, " " * 50_000 + "x" + " " * 50_000 + "x"),
        (_told, "upgrade " * 30_000),
        (_told, "Merge branch 'a'\n\n" + "support " * 30_000),
        (_told, "a\n\n" + "* fix a a a a\n" * 1_000 + "* " + "update " * 30_000),
        (lambda text: updated(text, "1.0", None, ()), "[a]: b\n" * 20_000 + "x"),
        (lambda text: updated(text, "1.0", None, ()), "[\n" * 40_000),
        (lambda text: list(samples_of(text)), "envoy_cluster_upstream_rq_xx{" * 4_000),
        (lambda text: list(samples_of(text)), "a{" + "a" * 120_000 + "} 1"),
    ],
    ids=range(26),
)
def test_texts_of_strangers_are_read_in_a_moment(
    read: Callable[[str], object], text: str, alarm: Callable[[float], None]
) -> None:
    """Lock files, migrations, commit messages, changelogs and metrics pages, each as awkward as a stranger can make
    it. Each of these took from five seconds to for ever."""
    alarm(3)
    read(text)


def test_an_expression_in_a_template_of_argo_is_not_run() -> None:
    """Names, `.*` and `|` are understood; more is refused in a sentence, whatever it says."""
    metric: JsonObject = {
        "name": "memory-rss",
        "successCondition": "result[0] < 1",
        "provider": {"prometheus": {"query": "q"}},
    }

    def dry(name: str) -> bool:
        spec: JsonObject = {"metrics": [metric], "dryRun": [{"metricName": name}]}
        return rules_of({"kind": "AnalysisTemplate", "spec": spec}).rules[0].dry_run

    assert [dry(name) for name in ("memory.*", ".*rss", "^memory-rss$", "(cpu.*|memory-.*s)", ".*")] == [True] * 5
    assert [dry(name) for name in ("memory", "rss", "cpu|disk", "memory-rss.*rss", "")] == [False] * 5
    with pytest.raises(BadAnalysisTemplate, match=r"spec.dryRun\[0\].metricName: '\(a\+\)\+\$' is more than names"):
        dry("(a+)+$")
