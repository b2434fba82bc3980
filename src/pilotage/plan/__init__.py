"""From six answers to a plan, and from a plan to something a person reads. Pure."""
