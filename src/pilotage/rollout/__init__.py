"""Decides what a running rollout does next: pure functions of the plan, the state and the observed world."""
