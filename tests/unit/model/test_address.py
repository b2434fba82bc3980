"""Addresses to listen on, as people write them: what is none is told with itself and what would be right."""

from __future__ import annotations

import pytest

from pilotage.model.address import parse_address


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:80", ("localhost", 80)),
        ("[::1]:8080", ("::1", 8080)),
        ("[::]:443", ("::", 443)),
    ],
)
def test_an_address_has_a_host_and_a_port(text: str, found: tuple[str, int]) -> None:
    assert parse_address(text) == found


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        (":8080", "127.0.0.1:8080, for this machine alone, or 0.0.0.0:8080"),
        ("8080", "127.0.0.1:8080, for this machine alone"),
        ("::1:8080", "in brackets, such as [::1]:8080"),
        ("[::g]:8080", "'::g' is no IPv6 address"),
        ("127.0.0.1", "127.0.0.1:8080"),
        ("127.0.0.1:0", "a port is 1 to 65535"),
        ("127.0.0.1:65536", "a port is 1 to 65535"),
        ("127.0.0.1:８０", "a port is 1 to 65535"),
        ("999.1.1.1:80", "'999.1.1.1' is no host"),
        ("a b:80", "'a b' is no host"),
        ("http://a:80", "in brackets"),
    ],
)
def test_what_is_no_address_is_told_with_itself_and_its_cure(text: str, cure: str) -> None:
    with pytest.raises(ValueError, match="is not an address") as refused:
        parse_address(text)
    assert repr(text) in str(refused.value)
    assert cure in str(refused.value)
