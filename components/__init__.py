"""Everything that a node is made of."""
