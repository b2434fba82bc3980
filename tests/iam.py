"""The policy of docs/guides/aws.md, which every test of a load balancer of AWS keeps to."""

from __future__ import annotations

import json
import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "aws.md"


def documented() -> frozenset[str]:
    """The actions that it allows."""
    (policy,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    actions = [one["Action"] for one in json.loads(policy)["Statement"]]
    return frozenset(name for one in actions for name in ([one] if isinstance(one, str) else one))
