"""Executes rollouts durably: the store, leases, the worker, and the loop observe → judge → decide → record → act."""
