"""A ratio with its interval on one line of text, for terminals: `1/64 ····━━━━●━━━│·· 256`."""

from __future__ import annotations

import math

_LOWEST, _HIGHEST, _CELLS = 1 / 64, 256.0, 29

LEGEND = "● ratio to stable   ━ its confidence interval   │ tolerated ratio"


def ratio_scale(ratio: float | None, interval: tuple[float, float] | None, tolerated: float) -> str:
    """The interval as a bar, the ratio as a dot, the tolerated ratio as a mark, on a logarithmic scale of 29 cells."""
    if interval is None:
        return ""
    cells = ["·"] * _CELLS
    for cell in range(_place(interval[0]), _place(interval[1]) + 1):
        cells[cell] = "━"
    cells[_place(tolerated)] = "│"
    if ratio is not None:
        cells[_place(ratio)] = "●"
    return "".join(cells)


def _place(ratio: float) -> int:
    inside = min(max(ratio, _LOWEST), _HIGHEST)
    return round(math.log(inside / _LOWEST) / math.log(_HIGHEST / _LOWEST) * (_CELLS - 1))
