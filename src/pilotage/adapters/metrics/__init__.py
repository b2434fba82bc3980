"""What versions did, as counted by someone who saw it."""
