"""Pages, a file each."""
