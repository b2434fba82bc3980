"""Where instances of versions run."""
