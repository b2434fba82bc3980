"""The use cases: one function each, the same for the shell, the browser and the chat."""
