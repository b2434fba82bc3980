"""How likely a change is to need a repair, and why: pure functions of what git says."""
