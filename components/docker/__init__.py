"""Docker Engine, cri-dockerd and the preloaded images of one node."""
