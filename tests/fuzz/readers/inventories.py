"""Lists of hosts: what is read can be opened as it is, and nothing else than hosts of a file comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import ValidationError

from pilotage.adapters.hosts.inventory import read_inventory
from pilotage.config.hosts import HostSection
from pilotage.model.errors import Invalid
from tests.fuzz.reader import Reader, Sample

_INI = """
bastion ansible_host=10.0.0.1
[web]
web[01:12:2].example.org:2222 ansible_user=deploy zone="a b"
[eu]
web[a:c]
[production:children]
web
eu
[production:vars]
ansible_ssh_common_args=-o ProxyJump=ops@bastion
"""
_YAML = "all:\n  vars: {ansible_user: deploy}\n  children:\n    web:\n      hosts: {web[1:3]: null, db: {weight: 3}}\n"
_SCRIPT = {"web": {"hosts": ["a", "b"], "vars": {"zone": "x"}}, "_meta": {"hostvars": {"a": {"ansible_port": 22}}}}


def _check(sample: Sample) -> Iterator[str]:
    try:
        found = read_inventory(sample.text, sample.name)
    except Invalid as refused:
        if len(str(refused)) > 2_000:
            yield f"an endless sentence: {str(refused)[:200]}"
        return
    if len(found) > 10_000:
        yield f"{len(found)} hosts of {len(sample.content)} bytes"
    for name, given in found.items():
        try:
            HostSection.model_validate(given)
        except ValidationError:
            continue  # refused with the host's name
        if not isinstance(name, str):
            yield f"a host called {name!r}"


READER = Reader(
    name="inventories",
    check=_check,
    seeds=(
        Sample("hosts", _INI.encode()), Sample("hosts.yml", _YAML.encode()),
        Sample("hosts.json", json.dumps(_SCRIPT).encode()), Sample("plain.yaml", b"web1:\nweb2: {address: 10.0.0.2}\n"),
    ),
    takes=lambda path: "inventory" in str(path).lower() and path.suffix in ("", ".ini", ".yml", ".yaml", ".json"),
    words=(
        "[", "]", ":vars]", ":children]", "[all]", "[1:99999999]", "[a:z]", "[0:9][0:9][0:9][0:9][0:9]", "=", "'", "\\",
        "ansible_host=", "ansible_port=x", "ansible_connection=local", "{{ x }}", "children:", "hosts:", "null", "[]",
    ),
)  # fmt: skip
