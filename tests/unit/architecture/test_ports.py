"""Each method of a port that adapters plug into says the same five things about itself."""

from __future__ import annotations

import inspect

import pytest

from pilotage import ports

HEADINGS = ("Effect:", "After it returns:", "Errors:", "Deadline:", "Concurrency:")
PORTS = (ports.Fleet, ports.Flags, ports.Metrics, ports.Notifier, ports.Queries, ports.Router)


@pytest.mark.parametrize("port", PORTS)
def test_a_port_says_what_each_method_does_leaves_raises_and_takes(port: type) -> None:
    methods = [one for name, one in vars(port).items() if not name.startswith("_")]
    assert methods
    for method in methods:
        text = inspect.getdoc(method) or ""
        found = [line.partition(":")[0] + ":" for line in text.splitlines() if line.startswith(HEADINGS)]
        assert found == list(HEADINGS), method
