"""Questions to a process of git, so many at once that it need not wait for each, and so few that no pipe is full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_MOST = 8_000
"""Characters of the questions that are asked before the answers are read; a pipe of Linux holds 65,536 bytes."""


def portions(questions: Sequence[str]) -> Iterator[Sequence[str]]:
    """The questions in order, none left out; one that is longer comes alone."""
    part, size = list[str](), 0
    for one in questions:
        if part and size + len(one) > _MOST:
            yield part
            part, size = [], 0
        part.append(one)
        size += len(one) + 1
    if part:
        yield part
