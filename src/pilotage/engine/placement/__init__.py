"""Who executes a target: places, leases, locks, and the paths of files."""
