"""A sandbox for untrusted templates: they reach only the facts they are given, and cannot run without end.

Jinja's own sandbox protects the machine, but not its time and memory. Here each iteration, call, filter and product
costs a step or more, depending on the size of its operands, and a template has `STEPS`. No text grows beyond `MOST`
characters, and no width beyond `WIDEST`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import partial
from typing import Any, TypeVar

from jinja2 import Template, nodes
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MOST = 200_000
"""Characters of any text, and of one announcement."""
LONGEST_SOURCE = 50_000
"""Characters of a template."""
STEPS = 50_000
WIDEST = 1_000

_LEFT_OUT = ("pprint", "urlize", "xmlattr")
"""Filters that are useless for text and slow on long text."""
_NO_METHODS = ("expandtabs", "translate")
_WIDE = re.compile(r"%[^a-zA-Z%]*(?:[0-9]{4}|\*)")
_LARGEST = 4_096
"""Bits of a product."""


_T = TypeVar("_T")


class Sandbox(ImmutableSandboxedEnvironment):
    """Create one for each rendering, because it counts. Raises SecurityError if a template does too much."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, finalize=self._shown)
        self._left = STEPS
        self.weight = 10
        """Steps of a call, and of anything else that may repeat parts of the sources read so far."""
        self.globals.clear()
        for name in _LEFT_OUT:
            del self.filters[name]
        self.filters = {name: self._bounded(name, run) for name, run in self.filters.items()}
        self.filters["_counted"] = self._counted

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise SecurityError(f"more than {STEPS} steps")

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        self.spend(1)
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or (operator == "*" and not numbers):
            raise SecurityError(f"{operator} works on numbers only")
        if operator == "*" and isinstance(left, int) and isinstance(right, int):
            _within(left.bit_length() + right.bit_length(), _LARGEST, "a number")
        if operator == "%" and isinstance(left, str):
            _format(left)
        if operator == "+" and not numbers:
            _within(_size(left) + _size(right), MOST, "a text")
        return self._kept(super().call_binop(context, operator, left, right))

    def call(self, context: Context, called: object, *args: object, **kwargs: object) -> object:
        self.spend(self.weight)
        of = getattr(called, "__self__", None)
        if isinstance(of, str):
            name = str(getattr(called, "__name__", ""))
            if name in _NO_METHODS:
                raise SecurityError(f"{name} is not allowed on text")
            _fits(name, of, args, kwargs)
        return self._kept(super().call(context, called, *args, **kwargs))

    def wrap_str_format(self, value: object) -> None:
        """Jinja formats with `str.format` here, whose widths cannot be known beforehand."""
        if super().wrap_str_format(value) is not None:
            raise SecurityError("format is not allowed on text: use the filter or %")

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, object] | None = None,  # noqa: A002
    ) -> Template:
        self.spend(self.weight)
        return super().get_template(name, parent, globals)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if len(source) > LONGEST_SOURCE:
            raise TemplateSyntaxError(f"{len(source)} characters, and the limit is {LONGEST_SOURCE}", 1, name)
        self.weight += len(source) // 100
        made = _Counting(name).visit(super()._parse(source, name, filename))
        assert isinstance(made, nodes.Template)
        return made

    def _bounded(self, name: str, run: Callable[..., object]) -> Callable[..., object]:
        """The filter with its input and output checked. Some filters get the context or environment first."""
        first = 1 if hasattr(run, "jinja_pass_arg") else 0

        def bounded(*args: object, **kwargs: object) -> object:
            given, rest = args[first], args[first + 1 :]
            self.spend(1 + _size(given) // 1_000)
            if isinstance(given, Iterator):
                given = self._all(given)
            _fits(name, given, rest, kwargs)
            return self._kept(run(*args[:first], given, *rest, **kwargs))

        if first:
            bounded.jinja_pass_arg = run.jinja_pass_arg  # type: ignore[attr-defined]
        return bounded

    def _kept(self, made: _T) -> _T:
        size = _size(made)
        _within(size, MOST, "a text or list")
        self.spend(size // 1_000)
        return made

    def _shown(self, value: _T) -> _T:
        self.spend(_size(value) // 100)
        return value

    def _counted(self, found: Iterable[_T], cost: int) -> Iterator[_T]:
        for one in found:
            self.spend(cost)
            yield one

    def _all(self, found: Iterator[_T]) -> list[_T]:
        return list(self._counted(found, 1))


class _Counting(NodeTransformer):
    """Makes loops count themselves, and sends `~` through `join`."""

    def __init__(self, name: str | None) -> None:
        self._name = name

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - a visitor of Jinja's
        if node.recursive:
            raise TemplateSyntaxError("a loop cannot be recursive", node.lineno, self._name)
        length = sum(len(data.data) for data in node.find_all(nodes.TemplateData))
        self.generic_visit(node)
        cost = nodes.Const(1 + length // 100, lineno=node.lineno)
        node.iter = nodes.Filter(node.iter, "_counted", [cost], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "join", [], [], None, None, lineno=node.lineno)


def _fits(name: str, value: object, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
    """Check that a filter or method of that name makes something of a tolerable size. Raises SecurityError."""
    given = (*args, *kwargs.values())
    for one in given:
        if isinstance(one, int | float) and abs(one) > WIDEST:
            raise SecurityError(f"{name}: {one} is more than {WIDEST}")
    longest = max((len(one) for one in given if isinstance(one, str)), default=1) or 1
    within = partial(_within, most=MOST, what=name)
    match name:
        case "format":
            _format(str(value))
        case "replace" if args:
            within((str(value).count(str(args[0])) + 1) * longest + _size(value))
        case "join" if isinstance(value, str):
            within(sum(_size(one) + len(value) for one in args[0]) if args and isinstance(args[0], list | tuple) else 0)
        case "join":
            within(sum(_size(one) + longest for one in value) if isinstance(value, list | tuple) else 0)
        case "indent":
            width = max((one for one in given if isinstance(one, int)), default=4)
            within((str(value).count("\n") + 1) * max(width, longest) + _size(value))
        case "wordwrap":
            within(_size(value) * (longest + 1))


def _format(text: str) -> None:
    if _WIDE.search(text):
        raise SecurityError(f"a width of more than three digits in {text[:40]!r}")


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple | dict | set | frozenset | bytes) else 1


def _within(size: int, most: int, what: str) -> None:
    if size > most:
        raise SecurityError(f"{what} of size {size}; the limit is {most}")
