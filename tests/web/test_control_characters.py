"""R34: a zero byte, half a character or another control character is refused wherever it comes in, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from pilotage.model.errors import Invalid
from pilotage.model.text import control_in
from pilotage.web.api.keeping import FreezeBody
from pilotage.web.reading import form_of, json_body
from tests.web.site import CONFIG, Client, Served, committed, served

SERVICE = "/api/v1/services/shop"
PLACE = f"{SERVICE}/environments/production"
ODD = ["\0", "\x1b", "\x7f", "\x9b", "\n"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("odd")
    with served(folder) as found:
        committed(folder, "v2.3.0")
        found.person("ada", "admin")
        yield found


@pytest.fixture
def ada(server: Served) -> Client:
    return server.signed_in("ada")


@pytest.mark.parametrize(
    "path",
    [
        f"{SERVICE}/risk?range=HEAD", f"{SERVICE}/changed?range=HEAD", f"{PLACE}/reason?path=canary",
        f"{SERVICE}/notes?tag_prefix=v", "/api/v1/rollouts/none", "/rollouts/none", "/api/v1/groups/none",
        f"{SERVICE}/ways/2.4", "/api/v1/audit?actor=ada", "/services/shop", "/services?q=shop", "/link/none",
        "/public/status/index.html", "/public/forms/shop", "/healthz?x=", f"{SERVICE}/releases/2.4/trace",
        "/calendar?day=1", "/static/x/pilotage.css",
    ],
)  # fmt: skip
def test_r34_no_address_has_control_characters(path: str, ada: Client) -> None:
    for odd in ODD:
        got = ada.get(f"{path}{quote(odd)}")
        assert (got.status, odd in got.text.replace("\n", "")) in ((400, False), (404, False)), (odd, got.text)
        assert got.status == 404 or f"has the control character U+{ord(odd):04X}" in got.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{PLACE}/freezes", {"name": "racks{}", "seconds": 60, "reason": "power"}),
        (f"{PLACE}/freezes", {"name": "racks", "seconds": 60, "reason": "power{}"}),
        (f"{PLACE}/plan", {"version": "2.4.0", "accept": {"x{}": "y"}}),
        ("/api/v1/access/grants", {"kind": "person", "holder": "ada{}", "grant": "viewer"}),
        ("/api/v1/tokens", {"name": "ci{}", "grants": ["viewer"]}),
        ("/api/v1/tokens", {"name": "ci", "grants": ["{}"]}),
    ],
)  # fmt: skip
def test_r34_no_text_in_a_body_has_control_characters(path: str, body: dict[str, object], ada: Client) -> None:
    for odd in ODD[:-1]:
        got = ada.post(path, _with(body, odd))
        assert (got.status, f"has the control character U+{ord(odd):04X}" in got.text) == (400, True), (odd, got.text)


def _with(one: object, odd: str) -> object:
    match one:
        case str():
            return one.replace("{}", odd)
        case list():
            return [_with(inner, odd) for inner in one]
        case dict():
            return {_with(name, odd): _with(inner, odd) for name, inner in one.items()}
        case _:
            return one


def test_r34_no_field_of_a_form_has_control_characters(ada: Client) -> None:
    got = ada.submit("/settings/people/invite", name="bob\0")
    assert (got.status, "control character U+0000" in got.text) == (400, True)
    with pytest.raises(Invalid, match=r"'a b' has the control character U\+0000"):
        form_of(b"a+b%00=1")


def test_r34_lines_and_tabs_are_text_where_people_write(ada: Client) -> None:
    body = {"name": "racks", "seconds": 60, "reason": "power:\r\n\tthe whole row"}
    assert ada.post(f"{PLACE}/freezes", body).status == 201


def test_r34_a_command_line_of_a_client_may_say_what_it_may_say_here(ada: Client) -> None:
    """Its words and files are judged by the command that takes them, as in a shell."""
    got = ada.post("/api/v1/shell", {"words": ["notes", "a\0b"], "stdin": "\x1b[31m"})
    assert (got.status, '"status":2' in got.text, "internal" in got.text) == (200, True, False), got.text


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\x85"])
def test_half_a_character_is_a_control_character_too(text: str) -> None:
    assert control_in(text, lines=True)
    with pytest.raises(Invalid):
        json_body("application/json", b'{"name": "\\ud800", "seconds": 1, "reason": "r"}', FreezeBody)


def test_the_configuration_holds_none_either(server: Served, ada: Client) -> None:
    server.site.project.config.write_text(CONFIG.replace("service: company", 'service: "a\\0b"'))
    assert "a zero byte or half a character" in ada.get(f"{SERVICE}/risk?range=HEAD").text
