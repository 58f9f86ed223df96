"""Support for tests: what more than one of them needs to start, and nothing that a program imports."""
