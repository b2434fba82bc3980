"""MurmurHash3, x86, 32 bits, by which Split and Unleash divide users."""

from __future__ import annotations

_MASK = 0xFFFFFFFF


def murmur3(key: bytes, seed: int = 0) -> int:
    """The hash, without sign."""
    found, whole = seed & _MASK, len(key) // 4 * 4
    for start in range(0, whole, 4):
        found ^= _mixed(int.from_bytes(key[start : start + 4], "little"))
        found = (_turned(found, 13) * 5 + 0xE6546B64) & _MASK
    found ^= _mixed(int.from_bytes(key[whole:], "little")) if key[whole:] else 0
    found ^= len(key)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        found = ((found ^ (found >> shift)) * factor) & _MASK
    return found ^ (found >> 16)


def _mixed(block: int) -> int:
    return (_turned((block * 0xCC9E2D51) & _MASK, 15) * 0x1B873593) & _MASK


def _turned(number: int, bits: int) -> int:
    return ((number << bits) | (number >> (32 - bits))) & _MASK
