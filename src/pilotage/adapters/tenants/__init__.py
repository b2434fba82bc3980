"""Where the list of an environment's tenants comes from."""
