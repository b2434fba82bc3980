"""Durable execution: store, looks, leases, rescue, integrity."""
