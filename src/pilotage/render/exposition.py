"""Families of series in Prometheus' text format 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable

from pilotage.model.series import Family, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(families: Iterable[Family]) -> str:
    """The page. A family without samples is left out."""
    lines: list[str] = []
    for one in families:
        if one.samples:
            lines += [f"# HELP {one.name} {_help(one.about)}", f"# TYPE {one.name} {one.kind}"]
            lines += [_line(one.name, sample) for sample in one.samples]
    return "".join(f"{line}\n" for line in lines)


def _line(name: str, sample: Sample) -> str:
    labels = ",".join(f'{label}="{escaped(text)}"' for label, text in sample.labels.items())
    value = int(sample.value) if float(sample.value).is_integer() else sample.value
    return f"{name}{sample.suffix}{{{labels}}} {value!r}" if labels else f"{name}{sample.suffix} {value!r}"


def escaped(text: str) -> str:
    """The value of a label."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
