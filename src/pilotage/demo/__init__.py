"""A small shop, its users, and two releases of it: what `pilotage demo` shows and measures."""
