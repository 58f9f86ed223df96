"""kubenode: turns the hosts of this stack into worker nodes of its cluster. Reads as a table of contents."""

from components import outputs, stack

stack.end_quietly()
settings = stack.settings()
facts = stack.facts(settings)
cluster = stack.cluster(settings)
network = stack.calico(settings, cluster)
nodes = stack.nodes(settings, facts, cluster, network)
proof = stack.verification(settings, nodes, cluster)
outputs.export(settings, cluster, nodes)
outputs.warn_of_ends(settings, cluster, nodes)
stack.outlast_failures(nodes, proof)
