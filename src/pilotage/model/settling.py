"""Counters of one answer are raised one after the other, so a reading can see its failure before its request.

What is ahead of its request waits for the next reading, in the cursor. Each reading then has at most as many bad events
as requests, and over all readings every bad event counts once.
"""

from __future__ import annotations


def settled(bad: int, requests: int) -> tuple[int, int]:
    """How many of `bad` events belong to an interval's requests, and how many wait. bad: with those that waited."""
    counted = min(bad, requests)
    return counted, bad - counted
