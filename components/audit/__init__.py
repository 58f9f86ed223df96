"""Drift: what of a host is not as it was applied, asked over one connection each, and its mending through Pulumi."""
