"""Announcements from templates: the shipped ones by language, or the team's own. Rendering is sandboxed and strict, and
limited to the size of a mail.

A template is Jinja2 in a sandbox that sees only the facts it is given. An unknown fact is empty, so a template can
leave out what is not known. `FOLDER/de/release_announcement.j2` takes precedence over `FOLDER/release_announcement.j2`,
and both over the shipped template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    PackageLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
)
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pilotage.model.errors import Invalid
from pilotage.model.text import clean
from pilotage.render.sandbox import MOST, Sandbox

OURS = "en"


class BadTemplate(Invalid):
    """An announcement template cannot be used. The message names the line and the mistake."""


def announcement(item: str, facts: Mapping[str, object], own: Sequence[BaseLoader] = (), language: str = OURS) -> str:
    """The text of one message of the communication calendar. own: folder of the team's templates, which take
    precedence. Raises BadTemplate."""
    try:
        text = _whole(_template(item, own, language).generate(facts))
    except BadTemplate:
        raise
    except TemplateNotFound:
        raise BadTemplate(f"there is no template for {item!r}") from None
    except SecurityError as error:
        raise BadTemplate(f"{item}: the template uses something that is not allowed: {error}") from None
    except RecursionError:
        raise BadTemplate(f"{item}: the template is nested too deeply") from None
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise BadTemplate(f"{item}{f':{line}' if line else ''}: {error}") from None
    except Exception as error:
        # Whatever an expression of someone else's template does with what it was given.
        raise BadTemplate(f"{item}: {type(error).__name__}: {error}") from None
    return clean(text).strip()


def _whole(pieces: Iterable[str]) -> str:
    """The pieces as one text. Raises SecurityError when there are too many."""
    kept, length = [], 0
    for piece in pieces:
        length += len(piece)
        if length > MOST:
            raise SecurityError(f"the text has more than {MOST} characters, the limit")
        kept.append(piece)
    return "".join(kept)


def _template(item: str, own: Sequence[BaseLoader], language: str) -> Template:
    """The team's templates before the shipped ones, and in each the one for the language first."""
    ours = PackageLoader("pilotage.render", "announcements")
    for loader, names in (
        (ChoiceLoader(own), [f"{language}/{item}.j2", f"{item}.j2"]),
        (ours, [f"{language}/{item}.j2", f"{OURS}/{item}.j2"]),
    ):
        sandbox = Sandbox(
            loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
        )
        for name in names:
            try:
                return sandbox.get_template(name)
            except TemplateNotFound as error:
                if error.name != name:
                    raise
    raise TemplateNotFound(item)


def template_of(item: str, language: str = OURS) -> str:
    """The text of a shipped template, as a start for your own. Raises BadTemplate."""
    loader = PackageLoader("pilotage.render", "announcements")
    environment = ImmutableSandboxedEnvironment(loader=loader)
    for name in (f"{language}/{item}.j2", f"{OURS}/{item}.j2"):
        try:
            return loader.get_source(environment, name)[0]
        except TemplateNotFound:
            continue
    raise BadTemplate(f"there is no template for {item!r}")
