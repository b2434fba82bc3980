"""What splits traffic between versions."""
