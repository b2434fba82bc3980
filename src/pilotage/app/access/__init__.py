"""What identities may do: roles, tokens, CI jobs, and why."""
