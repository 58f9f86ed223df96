"""What Calico needs of a host; not Calico itself, which the cluster runs."""
