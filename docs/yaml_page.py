"""Makes docs/reference/pilotage-yaml.md from the models of the configuration. `python docs/reference.py` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pilotage.app import reference
from pilotage.app.reference import Section, Setting

_OPENING = """# pilotage.yaml

Every setting of `pilotage.yaml`, section by section. [Describe your service](../guides/configuration.md) explains how
they work together, with a complete example. `pilotage docs SECTION` prints a section of this page in the terminal.

- Paths leave out the names you choose: `environments.router` is `router` in any environment.
- A *duration* is a text such as `30s`, `5m`, `4h` or `1d`, or a number of seconds.
- A *percentage* is a text such as `5%`, or a number from 0 to 1.
- Where a section has several kinds, `kind` decides which settings it takes.
"""


def page() -> str:
    return "\n".join((_OPENING, *_sections("", reference.schema(), {})))


def _sections(path: str, schema: Mapping[str, Any], known: dict[tuple[object, ...], str]) -> Iterator[str]:
    """The section at `path`, then those inside it. A section that stands elsewhere already is only linked.

    known: the path at which each section was shown, by what it contains.
    """
    found = reference.section(path, schema)
    title = path or "The whole file"
    contents = tuple((one.description, one.settings) for one in found)
    if contents in known:
        yield f"## {title}\n\nThe same settings as [{known[contents]}](#{_anchor(known[contents])}).\n"
        return
    known[contents] = path
    shared = _shared(found)
    if len(found) > 1:
        yield f"## {title}\n"
        if shared:
            yield f"Every kind takes these settings:\n\n{_table(path, shared)}\n"
    for one in found:
        kind = next((setting.kind for setting in one.settings if setting.name == "kind"), "")
        heading = f"### {path} of kind {kind}" if len(found) > 1 and kind else f"## {title}"
        yield "\n\n".join(filter(None, (heading, one.description))) + "\n"
        yield _table(path, [setting for setting in one.settings if setting not in shared]) + "\n"
    inner = dict.fromkeys(setting.name for one in found for setting in one.settings if setting.section)
    for name in inner:
        yield from _sections(f"{path}.{name}".removeprefix("."), schema, known)


def _shared(found: Sequence[Section]) -> list[Setting]:
    """The settings that every kind of a section has."""
    if len(found) < 2:
        return []
    return [one for one in found[0].settings if all(one in other.settings for other in found[1:])]


def _table(path: str, settings: Sequence[Setting]) -> str:
    rows = [_row(path, setting) for setting in settings if setting.name != "kind" or len(settings) == 1]
    return "\n".join(("| setting | takes | default | meaning |", "|---|---|---|---|", *rows))


def _row(path: str, setting: Setting) -> str:
    inner = f"{path}.{setting.name}".removeprefix(".")
    takes = f"[{setting.kind}](#{_anchor(inner)})" if setting.section else setting.kind
    default = {"": "", "required": "required"}.get(setting.default, f"`{setting.default}`")
    cells = (f"`{setting.name}`", takes.replace("|", "\\|"), default, setting.description.replace("|", "\\|"))
    return f"| {' | '.join(cells)} |"


def _anchor(path: str) -> str:
    return path.replace(".", "") or "the-whole-file"
