"""The style of every page, from `style/tokens.css` and `style/base.css`: for documents that must stand alone, and for
charts as files of their own. The server serves the two files themselves."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def style() -> str:
    """For the `<style>` of a document: both files, without comments."""
    return _sheet("tokens.css") + _sheet("base.css")


@cache
def chart_style() -> str:
    """For the `<style>` of a chart that is a file: colours, and the rules of charts."""
    rules = "".join(line for line in _read("base.css").splitlines() if line.startswith(".pg-chart"))
    return f"{_sheet('tokens.css')}{rules}.pg-chart .paper{{fill:var(--panel)}}"


def _sheet(name: str) -> str:
    first, *rest = _read(name).split("/*")
    rules = first + "".join(part.partition("*/")[2] for part in rest)
    return "".join(map(str.strip, rules.splitlines()))


def _read(name: str) -> str:
    return (files("pilotage.render") / "style" / name).read_text(encoding="utf-8")
