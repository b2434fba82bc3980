"""Decides what a running rollout does next: pure functions of plan, state and what was read back."""
