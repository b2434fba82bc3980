"""A cure that names a command names one that works: nobody finds on an index what was installed from a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilotage.adapters import extras

REPOSITORY = {"url": "https://git.example/pilotage.git", "vcs_info": {"vcs": "git", "commit_id": "4f2a"}}


class Installed:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def read_text(self, name: str) -> str | None:
        return self.text if name == "direct_url.json" else None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, "'pilotage[server]'"),
        ("", "'pilotage[server]'"),
        ("{", "'pilotage[server]'"),
        ('{"url": 7}', "'pilotage[server]'"),
        ("[]", "'pilotage[server]'"),
        ('{"url": "file:///was/removed", "dir_info": {}}', "'pilotage[server]'"),
        ('{"url": "http://[x"}', "'pilotage[server]'"),
        (json.dumps(REPOSITORY), "'pilotage[server] @ git+https://git.example/pilotage.git@4f2a'"),
        ('{"url": "https://a.example/p.whl", "archive_info": {}}', "'pilotage[server] @ https://a.example/p.whl'"),
        ("""{"url": "https://a.example/'; rm -rf ~", "archive_info": {}}""",
         """'pilotage[server] @ https://a.example/'"'"'; rm -rf ~'"""),
    ],
)  # fmt: skip
def test_an_extra_is_added_from_where_pilotage_came(
    text: str | None, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.distribution", lambda _: Installed(text))
    assert extras.installing("server") == f"pip install {wanted}"


def test_a_clone_that_is_still_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = tmp_path / "a clone"
    clone.mkdir()
    for edited, option in ((False, ""), (True, "-e ")):
        text = json.dumps({"url": clone.as_uri(), "dir_info": {"editable": edited}})
        monkeypatch.setattr("importlib.metadata.distribution", lambda _, text=text: Installed(text))
        assert extras.installing("aws") == f"pip install {option}'{clone}[aws]'"
