"""Use cases, as the shell and the browser call them."""
