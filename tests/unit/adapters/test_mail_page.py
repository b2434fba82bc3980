"""The HTML part of a mail: escaped, with its links, loud only to operators, dark where the program is."""

from __future__ import annotations

from dataclasses import replace

from pilotage.adapters.notify.mail_page import page, paragraphs
from pilotage.model.message import Message, Severity

MESSAGE = Message(
    "shop-production-1/7", "shop-production-1", "rollback-started", Severity.CRITICAL, "shop <2.4.0>: rolling back",
    "error rate: 4.8 % & rising\n\n- one\n- two", 1_800_000_000.0, "shop", "production", "2.4.0",
    (("page", "https://pilotage.example/rollouts/1?a=1&b=2"), ("asked by", "ada")),
)  # fmt: skip


def test_r22_text_is_escaped_and_addresses_lead_where_they_say() -> None:
    made = page(MESSAGE)
    assert "shop &lt;2.4.0&gt;" in made
    assert "4.8 % &amp; rising" in made
    assert made.count("<li>") == 2
    address = "https://pilotage.example/rollouts/1?a=1&amp;b=2"
    assert f'<a href="{address}" style="color:inherit">{address}</a>' in made
    assert paragraphs('See https://a.example/x. "quoted https://b.example/"').count('href="') == 2
    assert 'href="https://a.example/x"' in paragraphs("See https://a.example/x.")
    assert "javascript:" not in page(replace(MESSAGE, text="javascript:alert(1)")).replace(">javascript:", "")


def test_r22_a_mail_is_loud_by_word_and_shape_to_operators_alone() -> None:
    made = page(MESSAGE)
    assert "&#9670;&nbsp; Critical" in made
    assert "Critical" not in page(replace(MESSAGE, audience="customers"))
    assert "prefers-color-scheme:dark" in made
    assert 'name="color-scheme" content="light dark"' in made
    assert "<script" not in made
    assert "src=" not in made
