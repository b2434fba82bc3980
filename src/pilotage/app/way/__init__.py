"""Use cases of a release's way: start it, ask something of it, take it along, show it."""
