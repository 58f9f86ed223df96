"""How a host is changed: the bundle that travels on stdin, the toolkit that reads it, the commands that carry both."""
