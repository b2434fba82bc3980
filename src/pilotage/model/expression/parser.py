"""Reads a condition by top-down operator precedence (Pratt, 1973): linear in the text.

Precedence and functions are those of https://expr-lang.org/docs/language-definition.
"""

from __future__ import annotations

from collections.abc import Callable

from pilotage.model.expression import parts
from pilotage.model.expression.parts import Kind, Part, Scope, WrongKind
from pilotage.model.expression.tokens import BadCondition, Tokens

_BINDS = {
    "||": 10, "or": 10, "&&": 15, "and": 15, "==": 20, "!=": 20, "<": 20, "<=": 20, ">": 20, ">=": 20, "in": 20,
    "not in": 20, "+": 30, "-": 30, "*": 60, "/": 60, "%": 60, "**": 100, "^": 100,
}  # fmt: skip
_NOT, _SIGNED = 50, 90


def parse(text: str) -> Callable[[tuple[float, ...]], bool]:
    """A function that evaluates the condition for a result; it raises LookupError if a value is missing or not a
    number. Raises BadCondition."""
    tokens = Tokens(text)
    try:
        part = _expression(tokens)
    except WrongKind as error:
        raise tokens.wrong(str(error)) from None
    if tokens.peek():
        raise tokens.wrong(f"{tokens.peek()!r} is not expected here")
    if part.kind is not Kind.TRUTH:
        said = f"{text.strip()!r} gives {part.kind}, not true or false"
        raise BadCondition(f"{said}: compare it, as in result[0] >= 0.95")
    return lambda result: bool(part.compute(Scope(result)))


# ── operators ──────────────────────────────────────────────────────────────────────────────────────────────


def _expression(tokens: Tokens) -> Part:
    """A whole expression: operators and, around them, `condition ? yes : no`."""
    with tokens.deeper():
        part = _binary(tokens, 0)
        if tokens.peek() != "?":
            return part
        condition = parts.wanted(part, Kind.TRUTH)
        tokens.take()
        yes = _expression(tokens)
        tokens.want(":")
        return parts.choice(condition, yes, _expression(tokens))


def _binary(tokens: Tokens, binding: int) -> Part:
    """What binds at least so tightly."""
    left = _unary(tokens)
    while (sign := _operator(tokens)) and _BINDS[sign] >= binding:
        for _ in sign.split():
            tokens.take()
        right_first = sign in ("**", "^")
        left = parts.joined(sign, left, _binary(tokens, _BINDS[sign] + (not right_first)))
    return left


def _operator(tokens: Tokens) -> str:
    token = tokens.peek()
    if token == "not" and tokens.peek(1) == "in":
        return "not in"
    return token if token in _BINDS else ""


def _unary(tokens: Tokens) -> Part:
    if tokens.peek() in ("!", "not"):
        tokens.take()
        with tokens.deeper():
            return parts.negated(_binary(tokens, _NOT))
    if tokens.peek() in ("-", "+"):
        factor = -1.0 if tokens.take() == "-" else 1.0
        with tokens.deeper():
            return parts.signed(factor, _binary(tokens, _SIGNED))
    part = _primary(tokens)
    while tokens.peek() == "[":
        values = parts.wanted(part, Kind.LIST)
        tokens.take()
        part = parts.indexed(values, _expression(tokens))
        tokens.want("]")
    return part


# ── values and functions ───────────────────────────────────────────────────────────────────────────────────


def _primary(tokens: Tokens) -> Part:
    token = tokens.peek()
    if tokens.took("("):
        part = _expression(tokens)
        tokens.want(")")
        return part
    if tokens.took("["):
        return _literal_list(tokens)
    if token == "#":
        return _element(tokens)
    if token[:1].isdigit() or (token[:1] == "." and len(token) > 1):
        return _constant(tokens)
    if token[:1].isalpha():
        return _name(tokens)
    raise tokens.wrong("something is missing here" if not token else f"{token!r} is not expected here")


def _constant(tokens: Tokens) -> Part:
    token = tokens.take().replace("_", "")
    return parts.constant(float(int(token, 16)) if token[:2] == "0x" else float(token))


def _literal_list(tokens: Tokens) -> Part:
    found = [_number(tokens)] if tokens.peek() != "]" else []
    while found and tokens.took(","):
        found.append(_number(tokens))
    tokens.want("]")
    return parts.list_of(found)


def _number(tokens: Tokens) -> Part:
    return parts.wanted(_expression(tokens), Kind.NUMBER)


def _element(tokens: Tokens) -> Part:
    if not tokens.in_each:
        raise tokens.wrong("'#' is an element inside all(…), any(…), filter(…) and the like")
    tokens.take()
    return parts.ELEMENT


def _name(tokens: Tokens) -> Part:
    name = tokens.peek()
    if name in ("true", "false"):
        tokens.take()
        return parts.truth(name == "true")
    if tokens.took("result"):
        return parts.RESULT
    if tokens.peek(1) == "(":
        return _call(tokens, name)
    raise tokens.wrong(f"{name!r} is not known: a condition is about result")


def _call(tokens: Tokens, name: str) -> Part:
    if name not in parts.FUNCTIONS:
        raise tokens.wrong(f"{name}() is not known; known are {', '.join(sorted(parts.FUNCTIONS))}")
    tokens.take()
    tokens.want("(")
    first = _expression(tokens)
    if name in parts.OF_EACH:
        part = _of_each(tokens, name, first)
    elif name == "default":
        value = parts.wanted(first, Kind.NUMBER)
        tokens.want(",")
        part = parts.default(value, _expression(tokens))
    else:
        part = parts.applied(name, first)
    tokens.want(")")
    return part


def _of_each(tokens: Tokens, name: str, first: Part) -> Part:
    """`name(list, # > 1)` or, in braces, `name(list, {# > 1})`."""
    values = parts.wanted(first, Kind.LIST)
    tokens.want(",")
    braced = tokens.took("{")
    with tokens.each():
        asked = _expression(tokens)
    if braced:
        tokens.want("}")
    return parts.of_each(name, values, asked)
