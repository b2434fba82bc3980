"""Pure decisions about the way of a release: what its state, what was observed and what people ask lead to."""
