"""`pilotage.yaml`, and what a rollout keeps of it."""
