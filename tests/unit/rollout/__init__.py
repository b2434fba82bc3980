"""Decisions on a rollout: strategies, harm, holds, releases of several services."""
