"""Whose a target is: places, leases, locks, and where files lie."""
