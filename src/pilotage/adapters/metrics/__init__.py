"""What versions did, as counted by somebody who saw it."""
