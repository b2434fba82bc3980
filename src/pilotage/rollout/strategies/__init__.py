"""The five strategies, a file each, in the order in which a rollout happens."""
