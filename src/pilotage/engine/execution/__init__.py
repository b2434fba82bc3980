"""Executing rollouts: worker, looks, what they see, and what they do."""
