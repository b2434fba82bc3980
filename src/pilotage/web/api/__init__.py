"""Resources of the REST API, a file each."""
