"""The outside world: routers, fleets, metrics, with one folder per port. Reading changes nothing. Changing sets a
desired state, so repeating it does no harm."""
