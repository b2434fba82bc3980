"""Which part of a repository belongs to a service: its paths, what it is built from, the prefix of its tags."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from pilotage.model.path_pattern import normal_pattern

PathPattern = Annotated[str, AfterValidator(normal_pattern)]
TagPrefix = Annotated[str, Field(pattern=r"^[A-Za-z@][A-Za-z0-9@._/=+-]{0,99}$")]

PATHS = "Files and folders of the repository that belong to it, such as services/web or apps/*/web. Default: all."
BUILT_FROM = "Other code that it is built from, such as libs/ui. A change there touches it, too."
TAG_PREFIX = "What its version tags begin with, such as web-v."
IGNORED_PATHS = "Files and folders whose changes touch no service, such as docs or **/*.md."
