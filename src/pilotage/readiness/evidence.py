"""What all readers of evidence share: one error, and XML that cannot hurt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pilotage.model.readiness import BadEvidence

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def xml_of(text: str, name: str) -> Element:
    """The root element. Entities, external references and document types are refused: a report needs none of them."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        found: Element = fromstring(text, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as error:
        raise BadEvidence(f"{name} declares entities, which no report needs: {type(error).__name__}") from None
    except (ParseError, ValueError) as error:
        raise BadEvidence(f"{name} is not whole XML: {error}") from None
    return found


def json_of(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise BadEvidence(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise BadEvidence(f"{name} is not whole JSON: {error}") from None


def number(value: object, name: str, what: str) -> float:
    """A finite number of at least zero."""
    try:
        found = float(str(value))
    except ValueError:
        raise BadEvidence(f"{name}: {what} is {value!r}, not a number") from None
    if not 0 <= found < float("inf"):
        raise BadEvidence(f"{name}: {what} is {value!r}")
    return found
