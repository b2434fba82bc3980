"""R34: one way to write shares and times on every page; what is typed stays as it is typed."""

from __future__ import annotations

import pytest

from pilotage.render.prose import one_way


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<p>analyse at 5% for 4s</p>", "<p>analyse at 5~% for 4~s</p>"),
        ("<p>p95 \N{LESS-THAN OR EQUAL TO} 25ms, within 2m30s, 2.3s.</p>",
         "<p>p95 \N{LESS-THAN OR EQUAL TO} 25~ms, within 2~min~30~s, 2.3~s.</p>"),
        ('<a title="4s" href="/x?since=30d">30d</a>', '<a title="4s" href="/x?since=30d">30~d</a>'),
        ("<p>a time such as 30d, <code>4h</code></p>", "<p>a time such as 30d, <code>4h</code></p>"),
        ("<option>7d</option><textarea>5% 2m</textarea>", "<option>7d</option><textarea>5% 2m</textarea>"),
        ("<p>1.2.0-5s, 3d4d5e, 12:30h, /a/5m, v2d</p>", "<p>1.2.0-5s, 3d4d5e, 12:30h, /a/5m, v2d</p>"),
    ],
)  # fmt: skip
def test_shares_and_times_are_spelled_one_way(written: str, shown: str) -> None:
    assert one_way(written) == shown.replace("~", "\N{NO-BREAK SPACE}")
