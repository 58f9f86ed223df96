"""The host below the node: packages, kernel settings, swap."""
