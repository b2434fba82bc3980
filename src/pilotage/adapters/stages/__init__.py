"""What acts behind the stages of a way: commands in a clean checkout, the word of other systems, and what was built."""
