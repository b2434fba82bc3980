"""Whether records are what they were: chains, seals, signed heads, and what compares them."""
