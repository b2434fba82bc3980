"""Taking users off harm when the store, the worker or the record fails."""
