"""The proof that a stack's nodes work: nginx on each of them, seen from each of them."""
