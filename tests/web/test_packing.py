"""R34: a page is compressed, and its length says nothing about the token for forms."""

from __future__ import annotations

import gzip
import secrets

import pytest

from pilotage.web import packing
from pilotage.web.packing import packed
from tests.web.site import Served

TOKEN = "5f" * 32
PAGE = b"<p>a page with <input value='%s'> and words, again and again</p>" % TOKEN.encode() * 40


def test_it_is_gzip_and_its_length_does_not_depend_on_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_NAME", 1)
    lengths = set()
    for token in (TOKEN, "0" * 64, secrets.token_hex(32)):
        page = PAGE.replace(TOKEN.encode(), token.encode())
        assert gzip.decompress(packed(page, token)) == page
        lengths.add(len(packed(page, token)))
    assert len(lengths) == 1


def test_a_right_guess_in_the_page_is_as_long_as_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_NAME", 1)
    guesses = (b"value='5f5f5f5f", b"value='5f5f5f60", b"value='a0b1c2d3")
    right, close, wrong = (len(packed(b"<p>" + guess + b"</p>" + PAGE, TOKEN)) for guess in guesses)
    assert abs(right - close) <= 2, "only the guess itself is compressed"
    assert abs(right - wrong) <= 8


@pytest.mark.parametrize("body", [b"", b"x", TOKEN.encode(), TOKEN.encode() * 2, b"\xff" * 100_000])
def test_any_body_comes_back(body: bytes) -> None:
    for token in (TOKEN, ""):
        assert gzip.decompress(packed(body, token)) == body


def test_r34_pages_go_out_compressed_and_answers_to_forms_do_not(server: Served) -> None:
    server.person("ada", "admin")
    ada = server.signed_in("ada")
    plain, small = ada.get("/settings/people"), ada.get("/settings/people", **{"Accept-Encoding": "gzip"})
    assert plain.headers.get("content-encoding") is None
    assert small.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in small.headers["vary"]
    assert len(small.body) < len(plain.body) / 2
    assert ada.csrf in gzip.decompress(small.body).decode()
    assert ada.csrf.encode() in small.body, "the token is not compressed"
    form = f"csrf={ada.csrf}&name=x&days=3&grants=".encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "gzip"}
    made = ada.ask("POST", "/settings/tokens", form, kind)
    assert (made.status, made.headers.get("content-encoding")) == (200, None)


def test_the_name_hides_the_length(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({len(packed(PAGE, TOKEN)) for _ in range(30)}) > 5
    monkeypatch.setattr(packing, "_NAME", 1)
    assert len({len(packed(PAGE, TOKEN)) for _ in range(5)}) == 1
