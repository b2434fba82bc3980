"""What evidence says of a release: pure readers of other tools' reports, and the rules for ready and not ready."""
