"""What `doctor` says of the intake: whether its secret can be used, and whether it answers."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.app.project import Project
from pilotage.model.finding import Finding


def examine_intake(project: Project) -> Iterator[Finding]:
    section = project.whole.configuration.intake
    if section is None:
        return
    from pilotage.adapters.http import get
    from pilotage.adapters.ports import AdapterError
    from pilotage.adapters.secrets import resolve
    from pilotage.adapters.standard_webhooks import key_of

    where = "intake.secret"
    try:
        if section.secret is not None:
            key_of(resolve(section.secret).reveal())
        if section.helpdesk is not None:
            where = "intake.helpdesk.secret"
            resolve(section.helpdesk.secret)
    except AdapterError as error:
        yield Finding("FAIL", "intake", f"{error}: correct {where}")
        return
    try:
        get(f"http://{section.listen}/")
    except AdapterError:
        yield Finding("WARN", "intake", f"nothing answers on {section.listen}: run `pilotage serve-intake`")
    else:
        yield Finding("PASS", "intake", f"answers on {section.listen}")
