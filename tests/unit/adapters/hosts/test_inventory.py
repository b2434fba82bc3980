"""Hosts that are listed outside of pilotage.yaml (R27): files of ours and of Ansible, and commands that print them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.inventory import hosts_listed, read_inventory
from pilotage.adapters.ports import AdapterError
from pilotage.config.inventories import InventorySection
from pilotage.model.errors import Invalid

INI = """
; the usual file
bastion ansible_host=10.0.0.1
[web]
web[01:02].example.org:2222 ansible_user=deploy
[eu]
db1 ansible_host=10.0.1.5 zone="eu 1"
[production:children]
web
eu
[production:vars]
ansible_ssh_common_args=-o ProxyJump=ops@bastion
ansible_ssh_private_key_file=~/.ssh/deploy
[eu:vars]
ansible_user=postgres
"""
YAML = """
all:
  vars: {ansible_user: deploy}
  children:
    web:
      hosts:
        web[1:2]:
        web3: {ansible_host: 10.0.0.3, ansible_port: 2222, weight: 3}
      children:
        eu:
          hosts: {web4: null}
          vars: {ansible_user: eu}
"""
SCRIPT = {
    "web": {"hosts": ["web1", "web2"], "vars": {"zone": "a"}},
    "all": {"children": ["web", "ungrouped"]},
    "_meta": {"hostvars": {"web1": {"ansible_host": "10.0.0.1"}}},
}


def _section(**given: object) -> InventorySection:
    return InventorySection.model_validate(given)


def _context(folder: Path) -> Context:
    state = folder / "state"
    state.mkdir(exist_ok=True)
    return Context(
        directory=state, fence=Fence(state / "fence.json", 1), service="shop", environment="production", folder=folder
    )


def test_an_ansible_inventory_in_ini_is_understood() -> None:
    found = read_inventory(INI, "hosts")
    behind = {"jump": "ops@bastion", "identity_file": "~/.ssh/deploy"}
    assert found == {
        "bastion": {"address": "10.0.0.1"},
        "web01.example.org": {**behind, "port": 2222, "user": "deploy", "groups": ["production", "web"]},
        "web02.example.org": {**behind, "port": 2222, "user": "deploy", "groups": ["production", "web"]},
        "db1": {
            **behind, "address": "10.0.1.5", "user": "postgres", "vars": {"zone": "eu 1"},
            "groups": ["production", "eu"],
        },
    }  # fmt: skip


def test_an_ansible_inventory_in_yaml_and_a_script_are_understood() -> None:
    found = read_inventory(YAML, "hosts.yml")
    assert found["web1"] == found["web2"] == {"user": "deploy", "groups": ["web"]}
    assert found["web3"] == {
        "user": "deploy", "address": "10.0.0.3", "port": 2222, "vars": {"weight": "3"}, "groups": ["web"]
    }  # fmt: skip
    assert found["web4"] == {"user": "eu", "groups": ["web", "eu"]}
    assert read_inventory(json.dumps(SCRIPT), "hosts.json") == {
        "web1": {"address": "10.0.0.1", "vars": {"zone": "a"}, "groups": ["web"]},
        "web2": {"vars": {"zone": "a"}, "groups": ["web"]},
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("web1 ansible_connection=local", "ansible_connection local is not supported"),
        ("web1 ansible_password=x", "Pilotage logs in with keys alone"),
        ("web1 ansible_ssh_common_args='-o StrictHostKeyChecking=no'", "put it in ssh_config"),
        ("web1 ansible_host='{{ inventory_hostname }}.org'", "is a template"),
        ("web1 10.0.0.5", "line 1: '10.0.0.5' is not a variable"),
        ("web[a:9]", "is not a range"),
        ('web1 x="', "line 1: No closing quotation"),
    ],
)
def test_what_would_lead_elsewhere_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        read_inventory(text, "hosts")


def test_groups_choose_among_the_hosts_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text(INI)
    section = _section(file="hosts", groups=["eu"])
    assert list(hosts_listed(section, _context(tmp_path))) == ["db1"]
    with pytest.raises(AdapterError, match="no group 'us'; its groups: eu, production, web"):
        hosts_listed(_section(file="hosts", groups=["us"]), _context(tmp_path))


def test_the_hosts_that_a_command_printed_last_are_used_where_it_fails(tmp_path: Path) -> None:
    """A rollback does not depend on a cloud's API."""
    names = tmp_path / "names"
    names.write_text("web1\nweb2\n")
    section = _section(command=["cat", str(names)])
    assert list(hosts_listed(section, _context(tmp_path))) == ["web1", "web2"]
    names.unlink()
    assert list(hosts_listed(section, _context(tmp_path))) == ["web1", "web2"]
    (tmp_path / "state" / "inventory.json").unlink()
    with pytest.raises(AdapterError, match=r"the inventory command cat exited with 1: .*No such file"):
        hosts_listed(section, _context(tmp_path))
