"""A document as Markdown, as an HTML page, or for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from pilotage.model.document import Document, Figure, Section
from pilotage.render.charts import svg
from pilotage.render.markdown import coded, literal, section_to_markdown

if TYPE_CHECKING:
    from rich.console import RenderableType

_LEFT, _WIDTH, _RIGHT, _ROW, _TOP = 260, 960, 130, 30, 44


def to_markdown(document: Document, level: int = 1) -> str:
    """level: of the title's heading."""
    lines = [f"{'#' * level} {literal(document.title)}", ""]
    lines += (line for sentence in document.lead for line in (coded(sentence), ""))
    for section in document.sections:
        lines += _marked(section, level + 1)
    return "\n".join(lines).rstrip() + "\n"


def _marked(section: Section, level: int) -> Iterator[str]:
    title, *rest = section_to_markdown(section)
    yield f"{'#' * (level - 2)}{title}"
    yield from rest
    if section.figure:
        yield from (f"- {literal(bar.label)}: {literal(bar.text)}" for bar in section.figure.bars if not section.rows)
        yield ""


def to_html(document: Document) -> str:
    """A self-contained page. All of its text is escaped; the figures are drawn by this module."""
    from markupsafe import Markup

    from pilotage.render.html import page

    charts = {s.id: Markup(bars(s.figure)) for s in document.sections if s.figure and s.figure.bars}
    tops = {s.id: top(s.figure) for s in document.sections if s.figure and s.figure.bars}
    return page("document.html.j2", title=document.title, document=document, charts=charts, tops=tops)


def top(figure: Figure) -> float:
    """What a full bar stands for: the whole, where the bars are its parts."""
    values = [bar.value for bar in figure.bars]
    return 1.0 if abs(sum(values) - 1) < 1e-9 else max(values) or 1.0


def to_terminal(document: Document) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from pilotage.render.rich_table import rich_table

    parts: list[RenderableType] = [Text(document.title, "bold"), *(Text(sentence) for sentence in document.lead)]
    for section in document.sections:
        parts += [Text(), Text(section.title, "bold")]
        parts += [Text(sentence) for sentence in section.sentences]
        if section.figure:
            parts += [Text(line) for line in _drawn(section.figure)]
        if section.rows:
            parts.append(rich_table(section.headers, section.rows, numbers=section.numbers))
        parts += [Text(f"• {bullet}") for bullet in section.bullets]
    return Group(*parts)


def _drawn(figure: Figure) -> Iterator[str]:
    top = max((max(bar.value, bar.high or 0) for bar in figure.bars), default=0) or 1.0
    wide = max((len(bar.label) for bar in figure.bars), default=0)
    for bar in figure.bars:
        yield f"{bar.label:<{wide}}  {'█' * round(30 * bar.value / top):<30}  {bar.text}"


def bars(figure: Figure) -> str:
    """Horizontal bars with their intervals as whiskers; SVG."""
    tops = [max(bar.value, bar.high or 0) for bar in figure.bars] + [figure.marked or 0]
    scale = (_WIDTH - _LEFT - _RIGHT) / (max(tops) or 1.0)
    body = []
    for index, bar in enumerate(figure.bars):
        y = _TOP + index * _ROW
        width = max(1.0, bar.value * scale)
        body.append(
            f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end">{escape(bar.label[:36])}</text>'
            f'<rect class="{bar.side or "bar"}" rx="3" x="{_LEFT}" y="{y + 2}" width="{width:.1f}" height="18"/>'
        )
        end = _LEFT + width
        if bar.low is not None and bar.high is not None:
            low, high = _LEFT + bar.low * scale, _LEFT + bar.high * scale
            end = max(end, high)
            body.append(
                f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{y + 11}" y2="{y + 11}"/>'
                f'<line class="whisker" x1="{low:.1f}" x2="{low:.1f}" y1="{y + 7}" y2="{y + 15}"/>'
                f'<line class="whisker" x1="{high:.1f}" x2="{high:.1f}" y1="{y + 7}" y2="{y + 15}"/>'
            )
        body.append(f'<text x="{end + 8:.1f}" y="{y + 15}">{escape(bar.text)}</text>')
    height = _TOP + len(figure.bars) * _ROW + 10
    if figure.marked is not None:
        x = _LEFT + figure.marked * scale
        body.append(
            f'<line class="edge" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{height - 8}"/>'
            f'<text x="{x + 6:.1f}" y="{_TOP - 8}">{escape(figure.mark)}</text>'
        )
    return svg(figure.title, "; ".join(f"{bar.label}: {bar.text}" for bar in figure.bars), height, body)
