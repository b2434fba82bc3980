"""What holds for the whole of the source and its documentation."""
