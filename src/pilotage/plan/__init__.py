"""From six answers to a plan, and from a plan to text. Pure."""
