"""What an installation takes on disk: a line a distribution of the Python that runs this, the largest first, and all.

    uv venv /tmp/empty && uv pip install --python /tmp/empty .
    /tmp/empty/bin/python benchmarks/size.py

Needs nothing but Python, so that it can measure an environment in which there is nothing else.
"""

from __future__ import annotations

from importlib.metadata import Distribution, distributions


def size_of(one: Distribution) -> int:
    """Bytes of its files, as far as they are there."""
    found = (one.locate_file(file) for file in one.files or ())
    return sum(path.stat().st_size for path in found if path.exists())  # type: ignore[attr-defined]


def main() -> None:
    sizes = {one.metadata["Name"].lower(): size_of(one) for one in distributions()}
    for name, size in [*sorted(sizes.items(), key=lambda pair: -pair[1]), ("total", sum(sizes.values()))]:
        print(f"{name:<28} {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
