"""`adapters`: list fleets, routers, metrics sources, channels and more, with their capabilities."""

from __future__ import annotations

import click

from pilotage.cli.options import json_option


@click.command()
@json_option
def adapters(as_json: bool) -> None:
    """List the installed adapters of every port, with their capabilities.

    Packages add adapters through entry points; see docs/guides/adapters.md.
    """
    from pilotage.app.adapters import in_words, installed
    from pilotage.cli.plain_table import show_table

    found = list(installed())
    if as_json:
        from pilotage.cli.output import show_json
        from pilotage.model.output.reference import AdaptersOutput
        from pilotage.render.adapters import adapter_output

        outputs = (adapter_output(one.port, one.kind, one.package, one.summary, one.capabilities) for one in found)
        show_json(AdaptersOutput(adapters=tuple(outputs)))
        return
    rows = [(each.port, each.kind, each.package, in_words(each.capabilities) or each.summary) for each in found]
    show_table(("port", "kind", "package", "can"), rows)
