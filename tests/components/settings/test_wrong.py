"""What a user is told who writes something wrong: the whole message of the whole program, and nothing else happens.

Each row is a stack file's `config:` as somebody may write it, laid over a good one (null takes a key out). The single
refusals, one by one, are in test_problems.py.
"""
# ruff: noqa: E501 - the table has one case a line

from __future__ import annotations

from pathlib import Path

import pytest

from components.settings.documents import document_of
from components.settings.merge import patched
from tests.components import example, program

CASES: list[tuple[str, list[str]]] = [
    ("rollout: 2", ["rollout: expected a map of keys and values, for example {batchSize: 1}"]),
    ("kubernetes: 1.37.2", ['kubernetes: expected a map of keys and values, for example {version: "1.37.2"}']),
    ("node: {worker-9: {address: 10.0.0.9}}", ["node: unknown key, did you mean nodes?"]),
    ("kube-proxy: {mode: ipvs}", ["kube-proxy: unknown key, did you mean kubeProxy?"]),
    ("cluster: {podCIDR: 10.244.0.0/16}", ["cluster.podCIDR: unknown key, did you mean podCidr?"]),
    ("cluster: ~", [
        "cluster.podCidr: required: an address range without host bits, or one of each family with a comma, for example 10.244.0.0/16",
        "cluster.serviceCidr: required: an address range without host bits, or one of each family with a comma, for example 10.96.0.0/16",
        "cluster.dns: required: the cluster's DNS, with its address, for example {address: 10.96.0.10}",
        "cluster: expected kubeconfigFile or kubeconfig, for example kubeconfigFile: secrets/admin.kubeconfig",
    ]),
    ("cluster: {podCidr: 10.244.0.0}", ["cluster.podCidr: expected an address range without host bits, or one of each family with a comma, for example 10.244.0.0/16"]),
    ("cluster: {podCidr: 10.244.3.7/16}", ["cluster.podCidr: expected an address range without host bits, or one of each family with a comma, for example 10.244.0.0/16"]),
    ("cluster: {serviceCidr: 10.244.96.0/20, dns: {address: 10.244.96.10}}", ["cluster.serviceCidr: overlaps podCidr 10.244.0.0/16"]),
    ("cluster: {dns: 10.96.0.10}", ["cluster.dns: expected a map of keys and values, for example {address: 10.96.0.10}"]),
    ("cluster: {dns: {address: kube-dns}}", ["cluster.dns.address: expected an IP address, for example 10.96.0.10"]),
    ("cluster: {dns: {address: 10.100.0.10}}", ["cluster.dns.address: expected an address inside serviceCidr 10.96.0.0/16"]),
    ('cluster: {server: "10.0.0.1:6443"}', ["cluster.server: expected an https URL, for example https://10.0.0.1:6443"]),
    ('cluster: {server: "https://localhost:6443"}', ["cluster.server: this is a loopback address, which nodes cannot reach: set one they can, for example https://10.0.0.1:6443"]),
    ("cluster: {kubeconfigFile: secrets/other.kubeconfig}", ["cluster.kubeconfigFile: there is no file secrets/other.kubeconfig in the project directory (a preview can do without it if server, caData and identifier are set)"]),
    ("cluster: {kubeconfigFile: /nowhere/admin.kubeconfig}", ["cluster.kubeconfigFile: there is no file /nowhere/admin.kubeconfig (a preview can do without it if server, caData and identifier are set)"]),
    ("cluster: {kubeconfigFile: ~}", ["cluster: expected kubeconfigFile or kubeconfig, for example kubeconfigFile: secrets/admin.kubeconfig"]),
    ('cluster: {kubeconfig: "apiVersion: v1"}', ["cluster.kubeconfig: contradicts kubeconfigFile: leave one of them out"]),
    ("cluster: {context: kubernetes-admin@production}", ["cluster.kubeconfigFile: the kubeconfig has no context kubernetes-admin@production; it has admin@example, admin@other"]),
    ("cluster: {caData: not base64}", ["cluster.caData: expected certificates in PEM or the base64 of it, as certificate-authority-data of a kubeconfig, for example LS0tLS1CRUdJTi..."]),
    ("ssh: {privateKeyFile: ~}", ["ssh: expected exactly one of privateKeyFile, privateKey, agent, password; none is given, for example privateKeyFile: secrets/id_ed25519"]),
    ("ssh: {agent: true}", ["ssh.agent: expected exactly one of privateKeyFile, privateKey, agent, password; privateKeyFile and agent are given"]),
    ("ssh: {password: hunter2}", ["ssh.password: is a secret, and so must be encrypted: pulumi config set --secret --path 'ssh.password'", "ssh.password: expected exactly one of privateKeyFile, privateKey, agent, password; privateKeyFile and password are given"]),
    ('ssh: {port: "22"}', ["ssh.port: expected a TCP port, a whole number from 1 to 65535, for example 22"]),
    ("ssh: {user: Admin User}", ["ssh.user: expected a login name, for example root"]),
    ("ssh: {privateKeyFile: SHA256SUMS}", ["ssh.privateKeyFile: SHA256SUMS is no private key in PEM, or one with a passphrase (which works through ssh.agent: true)"]),
    ('nodes: {worker-1: {ssh: {hostKey: "SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDrwjdwXPMgAdRiLDs"}}}', ['nodes.worker-1.ssh.hostKey: expected the host\'s public key as /etc/ssh/ssh_host_ed25519_key.pub has it, for example "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5..."']),
    ('nodes: {worker-1: {ssh: {hostKey: "10.0.0.7 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHB1dCB0aGUga2V5IG9mIHdvcmtlci0xIGluIGhlcmUh"}}}', ['nodes.worker-1.ssh.hostKey: expected the host\'s public key as /etc/ssh/ssh_host_ed25519_key.pub has it, for example "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5..."']),
    ("nodes: {worker-1: {ssh: {hostKey: ~}}, worker-2: {ssh: {hostKey: ~}}}", [
        "nodes.worker-1.ssh.hostKey: required: the host's public key, the text of /etc/ssh/ssh_host_ed25519_key.pub on it (or ssh.insecureIgnoreHostKey: true, to trust whoever answers)",
        "nodes.worker-2.ssh.hostKey: required: the host's public key, the text of /etc/ssh/ssh_host_ed25519_key.pub on it (or ssh.insecureIgnoreHostKey: true, to trust whoever answers)",
    ]),
    ("nodes: {worker-1: {ssh: {insecureIgnoreHostKey: true}}}", ["nodes.worker-1.ssh.insecureIgnoreHostKey: contradicts hostKey: leave one of them out"]),
    ("downloads: {mirror: mirror.example.org}", ["downloads.mirror: expected an http or https URL, for example https://mirror.example.org/kubernetes"]),
    ("downloads: {urls: {kubelet: 'https://files.example.org/{release}/kubelet'}}", ["downloads.urls.kubelet: expected an http or https URL in which {version} and {architecture} may stand, for example \"https://mirror.example.org/kubernetes/v{version}/{architecture}/kubelet\""]),
    ("downloads: {urls: {kubeproxy: 'https://files.example.org/kube-proxy'}}", ["downloads.urls.kubeproxy: unknown key, did you mean kubeProxy?"]),
    ("downloads: {checksumsFile: sums}", ["downloads.checksumsFile: there is no file sums in the project directory"]),
    ("downloads: {checksumsFile: ~}", [
        "downloads.checksumsFile: no SHA-256 for release/v1.37.2/bin/linux/amd64/kubelet: set a file with a line for it, as sha256sum prints it",
        "downloads.checksumsFile: no SHA-256 for release/v1.37.2/bin/linux/amd64/kube-proxy: set a file with a line for it, as sha256sum prints it",
        "downloads.checksumsFile: no SHA-256 for cri-dockerd/v0.4.3/cri-dockerd-0.4.3.amd64.tgz: set a file with a line for it, as sha256sum prints it",
        "downloads.checksumsFile: no SHA-256 for cni-plugins/v1.1.1/cni-plugins-linux-amd64-v1.1.1.tgz: set a file with a line for it, as sha256sum prints it",
        "downloads.checksumsFile: no SHA-256 for images/pause.tar: set a file with a line for it, as sha256sum prints it",
        "downloads.checksumsFile: no SHA-256 for images/nginx.tar: set a file with a line for it, as sha256sum prints it",
    ]),
    ("kubernetes: {version: 1.37}", ['kubernetes.version: expected a full Kubernetes version in quotes, for example "1.37.2" (YAML reads it as a number, so that 1.30 becomes 1.3: write it in quotes)']),
    ("kubernetes: {version: latest}", ['kubernetes.version: expected a full Kubernetes version in quotes, for example "1.37.2"']),
    ('kubernetes: {version: "1.37"}', ['kubernetes.version: expected a full Kubernetes version in quotes, for example "1.37.2"']),
    ('kubernetes: {version: "1.20.15"}', ["kubernetes.version: Kubernetes 1.20.15 is not supported: nothing of this project is tested with it, and its end of life has passed; the nearest supported minor is 1.29"]),
    ('kubernetes: {version: "1.36.4"}', [
        "downloads.checksumsFile: no SHA-256 for release/v1.36.4/bin/linux/amd64/kubelet: add its line to SHA256SUMS",
        "downloads.checksumsFile: no SHA-256 for release/v1.36.4/bin/linux/amd64/kube-proxy: add its line to SHA256SUMS",
    ]),
    ("docker: {logMaxSize: 10 MB}", ["docker.logMaxSize: expected a size in k, m or g, for example 10m"]),
    ('docker: {logMaxFile: "5"}', ["docker.logMaxFile: expected a whole number from 1 to 1000, for example 5"]),
    ("docker: {package: Docker CE}", ["docker.package: expected a package, with a version if you want to pin it, for example docker.io=20.10.24+dfsg1-1"]),
    ("docker: {cgroupDriver: cgroupv2}", ["docker.cgroupDriver: expected systemd or cgroupfs"]),
    ('docker: {criDockerd: {version: "0.2.6"}}', ["docker.criDockerd.version: Kubernetes 1.37 needs cri-dockerd 0.3.0 or newer"]),
    ("docker: {criDockerd: 0.4.3}", ['docker.criDockerd: expected a map of keys and values, for example {version: "0.4.3"}']),
    ("docker: {images: nginx}", ["docker.images: expected a list, for example [{name: registry.k8s.io/pause:3.10.2, path: images/pause-3.10.2.tar}]"]),
    ("docker: {images: [{path: images/nginx.tar}]}", ["docker.images[0].name: required: an image with a tag other than latest, or a digest, for example registry.k8s.io/pause:3.10.2"]),
    ("docker: {images: [{name: nginx, path: images/nginx.tar}]}", ["docker.images[0].name: expected an image with a tag other than latest, or a digest, for example registry.k8s.io/pause:3.10.2"]),
    ('docker: {images: [{name: "nginx:1.27.3", url: "https://files.example.org/nginx.tar", sha256: abc}]}', ["docker.images[0].sha256: expected a SHA-256 of 64 hexadecimal digits, for example 9f86d081884c..."]),
    ("docker: {extraConfig: {log-driver: journald}}", ["docker.extraConfig.log-driver: expected json-file: kubectl logs reads no other driver's logs"]),
    ("docker: {extraConfig: [debug]}", ["docker.extraConfig: expected a map of keys and values, for example {max-concurrent-downloads: 5}"]),
    ("kubelet: {extraConfig: {maxpods: 55}}", ["kubelet.extraConfig.maxpods: the kubelet of 1.37 has no field of this name; did you mean maxPods?"]),
    ("kubelet: {extraConfig: {cgroupDriver: cgroupfs}}", ["kubelet.extraConfig.cgroupDriver: contradicts docker.cgroupDriver, which is systemd: set the driver there"]),
    ("kubelet: {extraConfig: {kind: KubeletConfiguration}}", ["kubelet.extraConfig.kind: this project's own, leave it out"]),
    ("kubelet: {extraConfig: {evictionSoft: {memory.available: 500Mi}}}", ["kubelet.extraConfig.evictionSoft.memory.available: the kubelet needs a grace period for it, for example evictionSoftGracePeriod: {memory.available: 1m30s}"]),
    ("kubelet: {extraFlags: {--v: 4}}", ["kubelet.extraFlags.--v: expected a flag without its dashes, for example v"]),
    ("kubelet: {extraFlags: [v=4]}", ["kubelet.extraFlags: expected a map of keys and values, for example {v: 4}"]),
    ("kubelet: {extraFlags: {node-labels: rack=7}}", ["kubelet.extraFlags.node-labels: --node-labels is this project's own: set labels of the node"]),
    ("kubelet: {healthyTimeoutSeconds: 2m}", ["kubelet.healthyTimeoutSeconds: expected a number of seconds, a whole number from 1 to 86400, for example 120"]),
    ("kubeProxy: {mode: IPVS}", ["kubeProxy.mode: expected iptables, nftables, ipvs or existing"]),
    ("kubeProxy: {extraConfig: {clusterCIDR: 10.244.0.0/16}}", ["kubeProxy.extraConfig.clusterCIDR: this project's own: set cluster.podCidr"]),
    ("kubeProxy: {extraConfig: {bindAdress: 0.0.0.0}}", ["kubeProxy.extraConfig.bindAdress: the kube-proxy of 1.37 has no field of this name; did you mean bindAddress?"]),
    ("host: {swap: disable}", ["host.swap: expected refuse or allow"]),
    ("host: {architecture: x86_64}", ["host.architecture: expected amd64 or arm64"]),
    ("host: {packages: nfs-common}", ["host.packages: expected a list, for example [nfs-common]"]),
    ("host: {packages: [nfs-common; reboot]}", ["host.packages[0]: expected a package, with a version if you want to pin it, for example docker.io=20.10.24+dfsg1-1"]),
    ("host: {sysctls: {net.ipv4.ip_forward: yes}}", ["host.sysctls.net.ipv4.ip_forward: expected the value of a kernel setting, for example 1 (or nothing, to leave it alone)"]),
    ("calico: {mode: install}", ["calico.mode: expected manifest, operator, existing or external"]),
    ("calico: {mode: manifest}", ['calico.version: required for calico.mode manifest, for example "3.33.1"']),
    ("calico: {mode: operator, version: 3.33}", ['calico.version: expected a full version in quotes, for example "3.33.1" (YAML reads it as a number, so that 1.30 becomes 1.3: write it in quotes)']),
    ('calico: {mode: manifest, version: "3.26.4"}', ["calico.version: nothing is known of Calico 3.26; known are 3.0, 3.1, 3.2, 3.3, 3.27, 3.28, 3.29, 3.30, 3.31, 3.32, 3.33"]),
    ('calico: {mode: manifest, version: "3.33.1"}', ["downloads.checksumsFile: no SHA-256 for calico/v3.33.1/manifests/calico.yaml: add its line to SHA256SUMS"]),
    ('calico: {mode: operator, version: "3.33.1"}', [
        "downloads.checksumsFile: no SHA-256 for calico/v3.33.1/manifests/operator-crds.yaml: add its line to SHA256SUMS",
        "downloads.checksumsFile: no SHA-256 for calico/v3.33.1/manifests/tigera-operator.yaml: add its line to SHA256SUMS",
    ]),
    ('calico: {version: "3.33.1", mtu: 1400}', [
        "calico.version: belongs to calico.mode manifest and operator, and that is external: leave it out",
        "calico.mtu: belongs to calico.mode manifest and operator, and that is external: leave it out",
    ]),
    ("calico: {mode: existing, registry: registry.example.org}", ["calico.registry: belongs to calico.mode manifest and operator, and that is existing: leave it out"]),
    ("nodes: {worker-1: {calico: {mode: existing, pool: {blockSize: 24}}}}", [
        "nodes.worker-1.calico.mode: stands once, for all nodes: move it to kubenode:calico.mode",
        "nodes.worker-1.calico.pool: stands once, for all nodes: move it to kubenode:calico.pool",
    ]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: none.yaml}, {}, {file: empty.yaml}, {file: good.yaml, sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]}', [
        "calico.manifests[0].file: there is no file none.yaml in the project directory",
        "calico.manifests[1]: give exactly one of file, path and url, for example file: calico.yaml",
        "calico.manifests[2].file: empty.yaml holds something that is no Kubernetes object with apiVersion, kind and metadata.name",
        "calico.manifests[3].file: good.yaml has the SHA-256 2052138a6e1819d5d6a9180484275134535234b1cd70b566e62fed2058cb0e0c, expected 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ]),
    ("calico: {mode: manifest, manifests: [{}]}", [
        'calico.version: required for calico.mode manifest, for example "3.33.1"',
        "calico.manifests[0]: give exactly one of file, path and url, for example file: calico.yaml",
    ]),
    ("ssh: {password: {secret: v1:abc}}", ["ssh.password: expected a password, for example an encrypted value (an encrypted one is {secure: …}, as pulumi config set --secret --path writes it)"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}, {file: good.yaml}]}', ["calico.manifests: v1 ConfigMap kube-system/calico-config stands there twice"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{url: "https://files.example.org/calico.yaml"}]}', ["calico.manifests[0].sha256: required: the SHA-256 of the file at url"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{url: "https://files.example.org/calico.yaml", sha256: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}]}', ["calico.manifests[0]: there is no file manifests/calico-0123456789ab.yaml in the project directory, which is https://files.example.org/calico.yaml: fetch it with 'make calico-manifest STACK=<stack>'"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{path: images/pause.tar}]}', ["calico.manifests[0]: there is no file manifests/pause.tar-7183aab84e24.yaml in the project directory, which is http://artifacts.example:8080/images/pause.tar: fetch it with 'make calico-manifest STACK=<stack>'"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], pool: {encapsulation: gre}}', ["calico.pool.encapsulation: expected ipip, ipipCrossSubnet, vxlan, vxlanCrossSubnet or none"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], backend: vxlan}', ["calico.backend: contradicts calico.pool.encapsulation, which is ipip: without BGP only vxlan and vxlanCrossSubnet reach other hosts, so set bird or leave it out"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], backend: none}', ["calico.backend: contradicts calico.pool.encapsulation, which is ipip: with none nobody learns a route, so set that to none too, or leave this out"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], pool: {blockSize: 15}}', ["calico.pool.blockSize: expected the prefix length of a host's block, a whole number from 20 to 128, for example 26"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], pool: {blockSize: 64}}', ["calico.pool.blockSize: expected a prefix length from 20 to 32: a block is a part of cluster.podCidr 10.244.0.0/16"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], addressAutodetection: eth0}', ["calico.addressAutodetection: expected kubernetes-internal-ip, first-found, or can-reach, interface, skip-interface or cidr with = and a value, for example interface=eth1"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], registry: "https://registry.example.org"}', ["calico.registry: expected a registry's host, with its port and a path if it has one, without https://, for example registry.example.org/mirror"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], datastore: etcd}', ["calico.etcd: required for calico.datastore etcd, for example {endpoints: [https://10.0.0.156:2379], caFile: secrets/etcd-ca.pem, certificateFile: secrets/etcd-client.pem, privateKeyFile: secrets/etcd-client-key.pem}"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], etcd: {endpoints: ["https://10.0.0.156:2379"], caFile: ca.pem}}', ["calico.etcd: is for calico.datastore etcd: set that to etcd, or leave it out"]),
    ('calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}], datastore: etcd, etcd: {endpoints: ["https://10.0.0.156:2379"], caFile: ca.pem, certificateFile: ca-key.pem, privateKey: no key}}', [
        "calico.etcd.privateKey: expected the private key of a certificate authority in PEM, without passphrase, for example -----BEGIN PRIVATE KEY-----...",
        "calico.etcd.certificateFile: expected certificates in PEM",
    ]),
    ('calico: {mode: operator, version: "3.33.1", manifests: [{file: good.yaml}], datastore: etcd}', ["calico.datastore: belongs to calico.mode manifest, and that is operator: leave it out"]),
    ('calico: {mode: operator, version: "3.3.7", manifests: [{file: good.yaml}]}', [
        "calico.mode: Calico 3.3.7 has no operator: set manifest",
        "kubernetes.version: Calico 3.3.7 is for Kubernetes 1.10 to 1.12, and no such API server goes with a kubelet of 1.37: set calico.version to a release of 3.33",
    ]),
    ('calico: {mode: manifest, version: "3.29.7", manifests: [{file: good.yaml}]}', ["kubernetes.version: Calico 3.29.7 is for Kubernetes 1.29 to 1.32, and no such API server goes with a kubelet of 1.37: set calico.version to a release of 3.33"]),
    ('calico: {mode: manifest, version: "3.0.6", manifests: [{file: good.yaml}], pool: {encapsulation: vxlan}}', [
        "calico.pool.encapsulation: Calico 3.0.6 knows no vxlan: set ipip or none",
        "kubernetes.version: Calico 3.0.6 is for Kubernetes 1.4 to 1.10, and no such API server goes with a kubelet of 1.37: set calico.version to a release of 3.33",
        "nodes.worker-2.kubeProxy.mode: Calico 3.0.6 needs iptables: it knows nothing of ipvs, which its line 3.1 is the first to take",
    ]),
    ('{cluster: {podCidr: "10.244.0.0/16,fd00::/48", serviceCidr: "10.96.0.0/16,fd01::/112"}, calico: {mode: manifest, version: "3.33.1", manifests: [{file: good.yaml}]}}', ["calico.mode: manifest is for IPv4 alone, and cluster.podCidr has IPv6: set operator or existing"]),
    ('{cluster: {podCidr: "10.244.0.0/16,fd00::/48", serviceCidr: "10.96.0.0/16,fd01::/112"}, calico: {mode: operator, version: "3.33.1", manifests: [{file: good.yaml}]}}', ["calico.pool.encapsulation: there is no ipip for IPv6, and cluster.podCidr has fd00::/48"]),
    ('{cluster: {podCidr: "10.244.0.0/27,fd00::/48", serviceCidr: "10.96.0.0/16,fd01::/112"}, calico: {mode: existing, pool: {encapsulation: ipipCrossSubnet, blockSize: 26}}}', [
        "calico.pool.blockSize: expected a prefix length from 27 to 32: a block is a part of cluster.podCidr 10.244.0.0/27",
        "calico.pool.encapsulation: there is no ipip for IPv6, and cluster.podCidr has fd00::/48",
    ]),
    ("cluster: {podCidr: 172.16.0.0/12}", ["cluster.podCidr: overlaps 172.17.0.0/16, the network of Docker's bridge: choose another range, or another bridge, for example docker.extraConfig: {bip: 192.168.200.1/24}"]),
    ("{cluster: {podCidr: 10.0.0.0/16}, calico: {mode: existing}}", ["nodes.worker-1.address: lies inside cluster.podCidr 10.0.0.0/16", "nodes.worker-2.nodeIp: lies inside cluster.podCidr 10.0.0.0/16"]),
    ("{calico: {mode: existing}, kubeProxy: {extraConfig: {iptables: {masqueradeAll: true}}}}", ["kubeProxy.extraConfig.iptables.masqueradeAll: expected false: Calico's policies would see node addresses only"]),
    ("calico: {cniPlugins: true}", ['calico.cniPlugins: expected a map of keys and values, for example {version: "1.1.1"}']),
    ("calico: {cniPlugins: {}}", ['calico.cniPlugins.version: required: a full version in quotes, for example "1.1.1"']),
    ("rollout: {batchSize: 50%}", ["rollout.batchSize: expected a whole number from 1 to 1000, for example 1"]),
    ("rollout: {batchSize: 0}", ["rollout.batchSize: expected a whole number from 1 to 1000, for example 1"]),
    ("drain: {timeoutSeconds: 5m}", ["drain.timeoutSeconds: expected a number of seconds, a whole number from 1 to 86400, for example 300"]),
    ('drain: {force: "yes"}', ["drain.force: expected true or false, without quotes"]),
    ("timeouts: {readySeconds: -1}", ["timeouts.readySeconds: expected a number of seconds, a whole number from 1 to 86400, for example 180"]),
    ("identity: {issuer: vault}", ["identity.issuer: expected cluster or ca"]),
    ("identity: {issuer: ca}", ["identity.ca: required with issuer ca, for example {certificateFile: secrets/ca.pem, privateKeyFile: secrets/ca-key.pem}"]),
    ("identity: {ca: {certificateFile: ca.pem, privateKeyFile: ca-key.pem}}", ["identity.ca: is for issuer ca: set identity.issuer to ca, or leave it out"]),
    ("identity: {issuer: ca, ca: {privateKeyFile: ca-key.pem}}", [
        "identity.ca.certificate: expected exactly one of certificateFile, certificate; none is given, for example certificateFile: secrets/ca.pem",
        "identity.ca.privateKeyFile: expected a private key in PEM, RSA, ECDSA or Ed25519, without passphrase",
    ]),
    ("identity: {issuer: ca, ca: {certificateFile: ca.pem, privateKey: not a key}}", [
        "identity.ca.privateKey: expected the private key of a certificate authority in PEM, without passphrase, for example -----BEGIN PRIVATE KEY-----...",
        "identity.ca.certificateFile: is no readable certificate",
    ]),
    ("identity: {keyAlgorithm: ed25519}", ["identity.keyAlgorithm: expected ecdsa or rsa"]),
    ("identity: {approval: everything}", ["identity.approval: expected exact, rbac or manual"]),
    ("identity: {client: token}", ["identity.client: expected bootstrap, static or issued"]),
    ("identity: {client: static}", ["identity.static: required with client static, for example {tokenFile: secrets/bootstrap-token}"]),
    ("identity: {static: {tokenFile: token}}", ["identity.static: is for client static: set identity.client to static, or leave it out"]),
    ("identity: {client: static, static: {}}", ["identity.static.token: expected exactly one of tokenFile, token; none is given, for example tokenFile: secrets/bootstrap-token"]),
    ("identity: {client: static, static: {tokenFile: token, token: 0123456789abcdef0123456789abcdef}}", ["identity.static.token: expected exactly one of tokenFile, token; both are given", "identity.static.token: is a secret, and so must be encrypted: pulumi config set --secret --path 'identity.static.token'"]),
    ("identity: {client: static, static: {token: short}}", ["identity.static.token: expected a token of at least 16 characters as in the API server's token file, without comma, quote or space, for example 0123456789abcdef0123456789abcdef"]),
    ("identity: {client: static, static: {tokenFile: admin.kubeconfig}}", ["identity.static.tokenFile: expected a file with the token alone, on one line"]),
    ("identity: {client: static, static: {token: token-of-the-admin}}", ["identity.static.token: is a secret, and so must be encrypted: pulumi config set --secret --path 'identity.static.token'", "identity.static.token: is an administrator's, of the kubeconfig, and would stand on every host: give the token of a user that may ask for certificates and nothing else"]),
    ("identity: {client: static, static: {tokenFile: admin-token}}", ["identity.static.tokenFile: is an administrator's, of the kubeconfig, and would stand on every host: give the token of a user that may ask for certificates and nothing else"]),
    ("identity: {client: static, static: {user: 'system:node:worker-1', tokenFile: token}}", ["identity.static.user: expected a user name of Kubernetes that does not start with system:, for example kubelet-bootstrap"]),
    ("identity: {kubeletApiUser: 'system:anonymous'}", ["identity.kubeletApiUser: expected a user name of Kubernetes that does not start with system:, for example kube-apiserver-kubelet-client"]),
    ("identity: {kubeProxy: token}", ["identity.kubeProxy: expected certificate or serviceAccount"]),
    ("kubelet: {extraFlags: {kubeconfig: /root/.kube/config}}", [
        "kubelet.extraFlags.kubeconfig: --kubeconfig is this project's own: the path is fixed",
    ]),
    ("kubelet: {extraFlags: {bootstrap-kubeconfig: /root/.kube/config}}", [
        "kubelet.extraFlags.bootstrap-kubeconfig: --bootstrap-kubeconfig is this project's own: the path is fixed",
    ]),
    ("kubeProxy: {extraConfig: {clientConnection: {kubeconfig: /root/.kube/config}}}", [
        "kubeProxy.extraConfig.clientConnection.kubeconfig: this project's own: set identity.kubeProxy. No other kubeconfig of a host is kube-proxy's, least of all an administrator's",
    ]),
    ("identity: {earlyRenewalHours: 9000}", ["identity.earlyRenewalHours: expected less than certificateValidityHours, which is 8760"]),
    ('verification: {image: "nginx:latest"}', ["verification.image: expected an image with a tag other than latest, or a digest, for example nginx:1.27.3"]),
    ("verification: {namespace: default}", ["verification.namespace: expected a namespace of its own, so neither default nor kube-…, for example kubenode-verification"]),
    ("verification: {namespace: kube-system}", ["verification.namespace: expected a namespace of its own, so neither default nor kube-…, for example kubenode-verification"]),
    ("verification: {enabled: 1}", ["verification.enabled: expected true or false, without quotes"]),
    ("nodes: [{name: worker-1, address: 10.0.0.7}]", ["nodes: expected a map with the nodes' names as keys, for example worker-1: {address: 10.0.0.7}"]),
    ("nodes: ~", ["nodes: expected at least one node, for example worker-1: {address: 10.0.0.7}"]),
    ("nodes: {worker_3: {address: 10.0.0.9}}", ["nodes.worker_3: expected a node name of at most 63 lower case letters, digits, hyphens and dots, for example worker-1"]),
    ("nodes: {worker-3: 10.0.0.9}", ["nodes.worker-3: expected a map of keys and values, for example {address: 10.0.0.7}"]),
    ("nodes: {worker-1: {address: ~}}", ["nodes.worker-1.address: required: an IP address or host name, for example 10.0.0.7"]),
    ('nodes: {worker-1: {address: "10.0.0.7:22"}}', ["nodes.worker-1.address: expected an IP address or host name, for example 10.0.0.7"]),
    ("nodes: {worker-2: {address: 10.0.0.7, ssh: {port: 22}}}", ["nodes.worker-2.address: is the address of worker-1 too"]),
    ("nodes: {worker-1: {address: worker-1.example.org}}", ["nodes.worker-1.nodeIp: required: address gives none, so set an IP address of the host, for example 10.0.0.7"]),
    ("nodes: {worker-1: {nodeIp: 127.0.0.1}}", ["nodes.worker-1.nodeIp: expected an IP address of the host that other hosts reach (no loopback, broadcast or multicast), or one of each family with a comma, for example 10.0.0.7"]),
    ("nodes: {worker-1: {address: 10.96.0.20}}", ["nodes.worker-1.address: lies inside cluster.serviceCidr 10.96.0.0/16"]),
    ("nodes: {worker-1: {drain: {timeoutSeconds: 60}}}", ["nodes.worker-1.drain: stands once, for all nodes: move it to kubenode:drain"]),
    ('nodes: {worker-1: {lables: {rack: "7"}}}', ["nodes.worker-1.lables: unknown key, did you mean labels?"]),
    ("nodes: {worker-1: {labels: {rack: 7}}}", ["nodes.worker-1.labels.rack: expected a label value of at most 63 letters, digits, . _ -, for example rack-7 (YAML reads it as a number, so that 1.30 becomes 1.3: write it in quotes)"]),
    ("nodes: {worker-1: {labels: {kubernetes.io/role: worker}}}", ["nodes.worker-1.labels.kubernetes.io/role: kubernetes.io and k8s.io are reserved: take a domain of your own, for example example.org/rack"]),
    ("nodes: {worker-1: {labels: {kubernetes.io/hostname: w1}}}", ["nodes.worker-1.labels.kubernetes.io/hostname: the kubelet sets this label itself"]),
    ("nodes: {worker-1: {annotations: {kubenode/in-service: x}}}", ["nodes.worker-1.annotations.kubenode/in-service: the prefix kubenode/ belongs to this stack's own annotations"]),
    ('nodes: {worker-2: {docker: {criDockerd: {version: "0.4.1"}}}}', ["nodes.worker-2.docker.criDockerd.version: cri-dockerd 0.4.1 needs Docker 23 or newer, not Docker 20: use 0.4.3"]),
    ("nodesFile: nodes.yaml", ["nodesFile: contradicts nodes: give one of them"]),
    ("{nodes: ~, nodesFile: nodes.yaml}", ["nodesFile: there is no file nodes.yaml in the project directory"]),
    ("{nodes: ~, nodesFile: twice.yaml}", ["nodesFile: twice.yaml is no YAML, line 2: the key worker-1 stands there twice"]),
    # values that the release would refuse on the host, or take in silence
    ("kubelet: {extraConfig: {maxPods: -1, oomScoreAdj: 2000, imageGCHighThresholdPercent: 101, port: 0}}", [
        "kubelet.extraConfig.maxPods: expected 0 or more",
        "kubelet.extraConfig.oomScoreAdj: expected a number from -1000 to 1000",
        "kubelet.extraConfig.imageGCHighThresholdPercent: expected a number from 0 to 100",
        "kubelet.extraConfig.port: expected a number from 1 to 65535",
    ]),
    ("kubelet: {extraConfig: {evictionHard: {memory.available: 101%, nodefs.available: 10 GB, memory.avail: 1Gi}}}", [
        "kubelet.extraConfig.evictionHard.memory.available: expected a quantity above 0 or a percentage up to 100%, for example 10%",
        "kubelet.extraConfig.evictionHard.nodefs.available: expected a quantity above 0 or a percentage up to 100%, for example 10%",
        "kubelet.extraConfig.evictionHard.memory.avail: the kubelet does not know this name; did you mean memory.available?",
    ]),
    ("kubelet: {extraConfig: {systemReserved: {memory: 1GB, cpu: -100m, disk: 1Gi}, kubeReserved: {memory: 1 Gi}}}", [
        "kubelet.extraConfig.systemReserved.memory: expected a quantity that is not negative, for example 200Mi",
        "kubelet.extraConfig.systemReserved.cpu: expected a quantity that is not negative, for example 200Mi",
        "kubelet.extraConfig.systemReserved.disk: the kubelet does not know this name; known are cpu, memory, ephemeral-storage, pid",
        "kubelet.extraConfig.kubeReserved.memory: expected a quantity that is not negative, for example 200Mi",
    ]),
    ("kubelet: {extraConfig: {topologyManagerPolicy: strict, cpuManagerPolicy: Static, hairpinMode: veth}}", [
        "kubelet.extraConfig.topologyManagerPolicy: expected none, best-effort, restricted or single-numa-node",
        "kubelet.extraConfig.cpuManagerPolicy: expected none or static",
        "kubelet.extraConfig.hairpinMode: expected promiscuous-bridge, hairpin-veth or none",
    ]),
    ("kubelet: {extraConfig: {featureGates: {NodeSwop: true, node-swap: true}}}", [
        "kubelet.extraConfig.featureGates.NodeSwop: no feature gate of Kubernetes 1.37 has this name, and an unknown one stops it; did you mean NodeSwap?",
        "kubelet.extraConfig.featureGates.node-swap: expected the name of a feature gate, for example GracefulNodeShutdown",
    ]),
    ("kubelet: {extraConfig: {cpuCFSQuotaPeriod: 2s, imageMinimumGCAge: -1m, clusterDNS: [kube-dns], enforceNodeAllocatable: [pod]}}", [
        "kubelet.extraConfig.cpuCFSQuotaPeriod: expected a duration from 1ms to 1s",
        "kubelet.extraConfig.imageMinimumGCAge: expected a duration of 0s or more",
        "kubelet.extraConfig.clusterDNS[0]: expected an IP address, for example 10.0.0.7",
        "kubelet.extraConfig.enforceNodeAllocatable[0]: expected pods, system-reserved, kube-reserved, system-reserved-compressible, kube-reserved-compressible or none",
    ]),
    ("kubelet: {extraConfig: {serverTLSBootstrap: false}}", ["kubelet.extraConfig.serverTLSBootstrap: contradicts identity.serving, which is bootstrap: without it the kubelet asks for no serving certificate; leave it out, or set identity.serving to issued"]),
    ("kubelet: {extraFlags: {--v: 4, node-labels: a=b, max-pod: 4, V: 2}}", [
        "kubelet.extraFlags.--v: expected a flag without its dashes, for example v",
        "kubelet.extraFlags.V: expected a flag without its dashes, for example v",
        "kubelet.extraFlags.node-labels: --node-labels is this project's own: set labels of the node",
        "kubelet.extraFlags.max-pod: the kubelet of Kubernetes 1.37 has no flag --max-pod; did you mean --max-pods?",
    ]),
    ("kubeProxy: {extraConfig: {conntrack: {maxPerCore: -1}, nodePortAddresses: [eth0], detectLocalMode: CIDR, bindAddress: all}}", [
        "kubeProxy.extraConfig.conntrack.maxPerCore: expected 0 or more",
        "kubeProxy.extraConfig.nodePortAddresses[0]: expected an address range, primary, localhost or all, for example 10.0.0.0/24",
        "kubeProxy.extraConfig.detectLocalMode: expected ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix",
        "kubeProxy.extraConfig.bindAddress: expected an IP address, for example 10.0.0.7",
    ]),
    ("docker: {extraConfig: {live-restor: true, debug: yes, dns: 10.0.0.2, mtu: true}}", [
        "docker.extraConfig.live-restor: dockerd knows no key of this name, and does not start with it; did you mean live-restore?",
        "docker.extraConfig.debug: expected true or false, which is what dockerd reads there",
        "docker.extraConfig.dns: expected a list, which is what dockerd reads there",
        "docker.extraConfig.mtu: expected a whole number, which is what dockerd reads there",
    ]),
    ("host: {proxy: {http: 'http://p:1', noProxy: [10.0.0.0/33, 10.0.0, 'http://a', .example.org, '10.0.0.0/8', 'a:80']}}", [
        "host.proxy.noProxy[0]: expected a host, a domain with a dot in front, an address or an address range, for example 10.0.0.0/24",
        "host.proxy.noProxy[1]: expected a host, a domain with a dot in front, an address or an address range, for example 10.0.0.0/24",
        "host.proxy.noProxy[2]: expected a host, a domain with a dot in front, an address or an address range, for example 10.0.0.0/24",
    ]),
    ('cluster: {server: "https://10.96.0.1"}', ["cluster.server: lies inside serviceCidr 10.96.0.0/16, which a node reaches only once it serves: set an address outside"]),
    ('cluster: {server: "https://10.244.7.7:6443"}', ["cluster.server: lies inside podCidr 10.244.0.0/16, which a node reaches only once it serves: set an address outside"]),
    (f'nodes: {{worker-2: {{ssh: {{hostKey: "{example.HOST_KEYS[0]}"}}}}}}', ["nodes.worker-2.ssh.hostKey: is the hostKey of worker-1 too: each host needs keys of its own. On a copied disk make new ones (rm /etc/ssh/ssh_host_*; ssh-keygen -A) and collect them with make hostkeys"]),
    *(
        (f"nodes: {{worker-1: {{nodeIp: {address}}}}}", ["nodes.worker-1.nodeIp: expected an IP address of the host that other hosts reach (no loopback, broadcast or multicast), or one of each family with a comma, for example 10.0.0.7"])
        for address in ("255.255.255.255", "0.0.0.0", "0.0.0.7", "224.0.0.1", "'::'", "'ff02::1'", "169.254.1.1")
    ),
    # a login in a URL
    ('cluster: {server: "https://admin:word@10.0.0.1:6443"}', ["cluster.server: expected an https URL, for example https://10.0.0.1:6443 (without a login: the kubeconfig has the administrator's, and nodes get their own certificates)"]),
    ('downloads: {mirror: "https://user:word@mirror.example.org"}', ["downloads.mirror: expected an http or https URL, for example https://mirror.example.org/kubernetes (without a login: it would stand in plain text in the state and on the host; let the server answer these hosts without one, or one that sends it on. The login of a proxy goes into host.proxy)"]),
    ('downloads: {urls: {kubelet: "https://token@mirror.example.org/{version}"}}', ['downloads.urls.kubelet: expected an http or https URL in which {version} and {architecture} may stand, for example "https://mirror.example.org/kubernetes/v{version}/{architecture}/kubelet" (without a login: it would stand in plain text in the state and on the host; let the server answer these hosts without one, or one that sends it on. The login of a proxy goes into host.proxy)']),
    ('docker: {registryMirrors: ["https://user:word@mirror.example.org"]}', [
        "docker.registryMirrors[0]: expected an http or https URL without a path, for example https://mirror.example.org (without a login: Docker sends none to a mirror; one for a registry goes into docker.registries)",
    ]),
    # what only a program of the host would refuse: a netmask, a port and a host that cannot be
    *(
        (f"cluster: {{podCidr: '{text}'}}", ["cluster.podCidr: expected an address range without host bits, or one of each family with a comma, for example 10.244.0.0/16"])
        for text in ("10.244.0.0/255.255.0.0", "10.244.0.0/0.0.255.255", "fd00::/48,10.244.0.0/255.255.0.0", "10.244.0.0/016", "fe80::%1/64")
    ),
    ("{docker: {insecureRegistries: [10.0.0.0/255.0.0.0, 'r:99999', 'a..b:5000']}, kubeProxy: {extraConfig: {nodePortAddresses: [10.0.0.0/255.0.0.0]}}}", [
        "docker.insecureRegistries[0]: expected a registry's host with its port, or an address range, without https://, for example registry.example.org:5000",
        "docker.insecureRegistries[1]: expected a registry's host with its port, or an address range, without https://, for example registry.example.org:5000",
        "docker.insecureRegistries[2]: expected a registry's host with its port, or an address range, without https://, for example registry.example.org:5000",
        "kubeProxy.extraConfig.nodePortAddresses[0]: expected an address range, primary, localhost or all, for example 10.0.0.0/24",
    ]),
    *(
        (f"cluster: {{server: '{text}'}}", ["cluster.server: expected an https URL, for example https://10.0.0.1:6443"])
        for text in ("https://10.0.0.1:99999", "https://10.0.0.1:0", "https://10.0.0.300:6443", "https://a..b:6443", "https://[10.0.0.1]:6443", "https://[::1::2]:6443")
    ),
    ("{downloads: {mirror: 'https://10.0.0.300/kubernetes'}, docker: {registryMirrors: ['https://mirror.example.org:0'], registries: {'r:99999': {username: a}}}, host: {proxy: {http: 'http://proxy.example.org:70000', noProxy: ['a:0']}}}", [
        "downloads.mirror: expected an http or https URL, for example https://mirror.example.org/kubernetes",
        "host.proxy.http: expected a proxy as http://host:port, or http://user:password@host:port with other characters than letters, digits and . _ ~ - as %XX, for example http://proxy.example.org:3128",
        "host.proxy.noProxy[0]: expected a host, a domain with a dot in front, an address or an address range, for example 10.0.0.0/24",
        "docker.registryMirrors[0]: expected an http or https URL without a path, for example https://mirror.example.org",
        "docker.registries.r:99999: expected a registry's host, with its port if it has one, for example registry.example.org",
        "docker.registries.r:99999.password: required: a password, for example an encrypted value",
    ]),
    # kernel settings that a node cannot do with
    ("host: {sysctls: {net.ipv4.ip_forward: 1, net/ipv4/ip_forward: 0, net/ipv4/conf/eth0.7/rp_filter: 0, net.ipv4.conf.eth0/7.rp_filter: 1}}", [
        "host.sysctls.net/ipv4/ip_forward: is net.ipv4.ip_forward in another spelling: keep one of them",
        "host.sysctls.net.ipv4.conf.eth0/7.rp_filter: is net/ipv4/conf/eth0.7/rp_filter in another spelling: keep one of them",
    ]),
    ("host: {sysctls: {net/ipv4/ip_forward: 0, net.ipv4.conf.all.forwarding: 0, vm.overcommit_memory: 2, kernel.panic: 10, net.ipv6.conf.all.forwarding: 0, net.ipv4.conf.all.rp_filter: 2}}", [
        "host.sysctls.net/ipv4/ip_forward: expected 1, or leave it out: without it the node forwards no packet of a pod",
        "host.sysctls.net.ipv4.conf.all.forwarding: expected 1, or leave it out: without it the node forwards no packet of a pod",
        "host.sysctls.vm.overcommit_memory: expected 1, or leave it out: the kubelet sets it to 1 when it starts",
    ]),
    ('{cluster: {podCidr: "10.244.0.0/16,fd00::/48", serviceCidr: "10.96.0.0/16,fd01::/112"}, host: {sysctls: {net.ipv6.conf.all.forwarding: 0}}}', [
        "host.sysctls.net.ipv6.conf.all.forwarding: expected 1, or leave it out: without it the node forwards no packet of a pod of IPv6",
    ]),
    # all that a bastion lacks
    *(
        (f"ssh: {{bastion: {{address: 10.0.0.99{user}}}}}", [
            f"ssh.bastion.user: {message}a login name, for example root",
            "ssh.bastion: expected exactly one of privateKeyFile, privateKey, agent, password; none is given, for example privateKeyFile: secrets/id_ed25519",
            "ssh.bastion.hostKey: required: the bastion's public key, the text of /etc/ssh/ssh_host_ed25519_key.pub on it (or ssh.bastion.insecureIgnoreHostKey: true, to trust whoever answers)",
        ])
        for user, message in (("", "required: "), (", user: A B", "expected "))
    ),
    # keys in another place than their own
    ('{kubelet.extraConfig.maxPods: "55", "docker.images[0].name": "a:1", "nodes[\\"worker-1\\"].address": 10.0.0.9}', [
        "kubelet.extraConfig.maxPods: a key with this whole name, as pulumi config set without --path makes it: pulumi config rm 'kubelet.extraConfig.maxPods', and set it with pulumi config set --path 'kubelet.extraConfig.maxPods'",
        "docker.images[0].name: a key with this whole name, as pulumi config set without --path makes it: pulumi config rm 'docker.images[0].name', and set it with pulumi config set --path 'docker.images[0].name'",
        "nodes[\"worker-1\"].address: a key with this whole name, as pulumi config set without --path makes it: pulumi config rm 'nodes[\"worker-1\"].address', and set it with pulumi config set --path 'nodes[\"worker-1\"].address'",
    ]),
    ("kubenode: {cluster: {podCidr: 10.244.0.0/16}}", ["kubenode: no section, but what every key begins with: write kubenode:cluster and so on, each below config"]),
    ("{podCidr: 10.244.0.0/16, hostKey: x, maxPods: 5, extraConfig: {}}", [
        "podCidr: unknown key, did you mean cluster.podCidr?",
        "hostKey: unknown key, did you mean ssh.hostKey?",
        "maxPods: unknown key, did you mean kubelet.extraConfig.maxPods?",
        "extraConfig: unknown key, did you mean docker.extraConfig or kubelet.extraConfig or kubeProxy.extraConfig?",
    ]),
    ("nodes: {worker-1: {hostKey: x, maxPods: 5, conntrack: {}}}", [
        "nodes.worker-1.hostKey: unknown key, did you mean ssh.hostKey?",
        "nodes.worker-1.maxPods: unknown key, did you mean kubelet.extraConfig.maxPods?",
        "nodes.worker-1.conntrack: unknown key, did you mean kubeProxy.extraConfig.conntrack?",
    ]),
    ("{nodes: ~, nodesFile: wrapped.yaml}", ["nodesFile: expected the nodes' names as the file's own keys, for example worker-1: {address: 10.0.0.7}; take the level nodes away"]),
    # what only the program itself would refuse
    ("kubelet: {extraConfig: {shutdownGracePeriod: 10s, shutdownGracePeriodCriticalPods: 20s, enforceNodeAllocatable: [none, pods], tlsCipherSuites: [TLS_AES_128_GCM_SHA256, banana]}}", [
        "kubelet.extraConfig.tlsCipherSuites[1]: expected a cipher suite of Go's crypto/tls, for example TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "kubelet.extraConfig.shutdownGracePeriodCriticalPods: expected no more than shutdownGracePeriod, which is 10s",
        "kubelet.extraConfig.enforceNodeAllocatable: expected none alone, or the others without it",
    ]),
    ("kubelet: {extraConfig: {shutdownGracePeriodCriticalPods: 20s, enforceNodeAllocatable: [pods, system-reserved, kube-reserved-compressible], kubeReservedCgroup: /kube.slice}}", [
        "kubelet.extraConfig.shutdownGracePeriodCriticalPods: expected no more than shutdownGracePeriod, which is 0s",
        "kubelet.extraConfig.enforceNodeAllocatable: system-reserved needs systemReservedCgroup too, for example systemReservedCgroup: /system.slice",
    ]),
    ("kubelet: {extraConfig: {shutdownGracePeriod: 500ms}}", ["kubelet.extraConfig.shutdownGracePeriod: expected 0s, or 1s and more"]),
    ("kubeProxy: {extraConfig: {iptables: {syncPeriod: 1s, minSyncPeriod: 5s}, nftables: {minSyncPeriod: 1m}, ipvs: {scheduler: banana, syncPeriod: -1s}}}", [
        "kubeProxy.extraConfig.ipvs.scheduler: expected rr, wrr, lc, wlc, lblc, lblcr, sh, dh, sed, nq or mh",
        "kubeProxy.extraConfig.ipvs.syncPeriod: expected a duration of 0s or more",
        "kubeProxy.extraConfig.iptables.minSyncPeriod: expected no more than syncPeriod, which is 1s",
        "kubeProxy.extraConfig.nftables.minSyncPeriod: expected no more than syncPeriod, which is 30s",
    ]),
    ('docker: {extraConfig: {bip: banana, fixed-cidr: "fd00::/64", ip: all, dns: [10.0.0.2, banana], dns-search: [5], log-level: verbose, log-format: JSON, max-download-attempts: 0, oom-score-adjust: 2000, mtu: -5}}', [
        "docker.extraConfig.bip: expected an address with the length of its prefix, for example 192.168.200.1/24",
        "docker.extraConfig.fixed-cidr: expected an address range, for example 192.168.200.128/25",
        "docker.extraConfig.ip: expected an IP address, for example 10.0.0.7",
        "docker.extraConfig.dns[1]: expected an IP address, for example 10.0.0.7",
        'docker.extraConfig.dns-search[0]: expected text, in quotes where YAML reads a number or a truth value, for example "10"',
        "docker.extraConfig.log-level: expected debug, info, warn, error or fatal",
        "docker.extraConfig.max-download-attempts: expected 1 or more",
        "docker.extraConfig.oom-score-adjust: expected a number from -1000 to 1000",
        "docker.extraConfig.mtu: expected 0 or more",
    ]),
    ('docker: {extraConfig: {log-opts: {max-size: 5, max-fil: "3", nonsense: "1"}, default-ulimits: {nofile: 5, nproc: {Name: nproc, Soft: 1024, hard: 2048}, core: {Soft: "0"}}}}', [
        'docker.extraConfig.log-opts.max-size: expected text, in quotes where YAML reads a number or a truth value, for example "10"',
        "docker.extraConfig.log-opts.max-fil: the log driver json-file does not know this name; did you mean max-file?",
        "docker.extraConfig.log-opts.nonsense: the log driver json-file does not know this name; known are max-size, max-file, compress, labels, labels-regex, env, env-regex, tag, mode, max-buffer-size, cache-disabled, cache-max-size, cache-max-file, cache-compress",
        "docker.extraConfig.default-ulimits.nofile: expected a map of two numbers, for example {Name: nofile, Soft: 1024, Hard: 4096}",
        "docker.extraConfig.default-ulimits.core: expected a map of two numbers, for example {Name: nofile, Soft: 1024, Hard: 4096}",
    ]),
    ("{kubelet: {extraFlags: {v: banana, feature-gates: Nope=true, fail-swap-on: maybe, max-pods: -1, hairpin-mode: veth, node-status-update-frequency: 10, cluster-dns: '10.96.0.10,banana', kube-api-qps: 0x10, tls-cipher-suites: TLS_AES_128_GCM_SHA256}}, kubeProxy: {extraFlags: {v: x}}}", [
        "kubelet.extraFlags.v: expected a whole number, for example 10",
        "kubelet.extraFlags.feature-gates: Nope: no feature gate of Kubernetes 1.37 has this name, and an unknown one stops it; no release from 1.10 to 1.37 has it",
        "kubelet.extraFlags.fail-swap-on: expected true or false, for example true",
        "kubelet.extraFlags.max-pods: expected 0 or more",
        "kubelet.extraFlags.hairpin-mode: expected promiscuous-bridge, hairpin-veth or none",
        "kubelet.extraFlags.node-status-update-frequency: expected a duration, for example 1m30s",
        "kubelet.extraFlags.cluster-dns: expected an IP address, for example 10.0.0.7",
        "kubeProxy.extraFlags.v: expected a whole number, for example 10",
    ]),
    ("{kubelet: {extraFlags: {feature-gates: 'NodeSwap=maybe'}}, nodes: {worker-2: {kubeProxy: {extraConfig: ~}}}, kubeProxy: {configuredBy: flags, extraFlags: {ipvs-scheduler: banana, conntrack-min: '-1', kube-api-qps: fast, feature-gates: 'AllAlpha=false,AllBeta=true'}}}", [
        "kubelet.extraFlags.feature-gates: expected names with true or false, for example GracefulNodeShutdown=true,PodLevelResources=false",
        "kubeProxy.extraFlags.ipvs-scheduler: expected rr, wrr, lc, wlc, lblc, lblcr, sh, dh, sed, nq or mh",
        "kubeProxy.extraFlags.conntrack-min: expected 0 or more",
        "kubeProxy.extraFlags.kube-api-qps: expected a number, for example 5",
    ]),
    # an example is one of the key
    ("{cluster: {kubeconfigFile: [a]}, nodes: ~, nodesFile: [a.yaml], kubelet: {extraConfig: {clusterDNS: 10.96.0.10, evictionHard: 10%}}, kubeProxy: {extraConfig: {nodePortAddresses: all}}}", [
        "cluster.kubeconfigFile: expected a path relative to the project directory, for example secrets/admin.kubeconfig",
        "nodesFile: expected a path relative to the project directory, for example nodes.yaml",
        "kubelet.extraConfig.clusterDNS: expected a list, for example [10.96.0.10]",
        "kubelet.extraConfig.evictionHard: expected a map of keys and values, for example {memory.available: 200Mi}",
        "kubeProxy.extraConfig.nodePortAddresses: expected a list, for example [10.0.0.0/24]",
    ]),
    ("calico: {cniPlugins: {version: 1.1}}", ['calico.cniPlugins.version: expected a full version in quotes, for example "1.1.1" (YAML reads it as a number, so that 1.30 becomes 1.3: write it in quotes)']),
    # where it is told
    ("nodes: {worker-1: {ssh: {agent: false}}}", ["nodes.worker-1.ssh: expected exactly one of privateKeyFile, privateKey, agent, password; none is given, for example privateKeyFile: secrets/id_ed25519"]),
    ("nodes: {worker-1: {ssh: {agent: true, privateKeyFile: id_ed25519}}}", ["nodes.worker-1.ssh.agent: expected exactly one of privateKeyFile, privateKey, agent, password; privateKeyFile and agent are given"]),
    # what Pulumi's YAML makes of it
    ("drain: {force: yes, timeoutSeconds: 0o17, gracePeriodSeconds: 1e1, deleteEmptyDirData: off}", [
        "drain.deleteEmptyDirData: expected true or false, without quotes",
        "drain.force: expected true or false, without quotes",
    ]),
    ("{nodes: ~, nodesFile: doubtful.yaml}", ["nodesFile: doubtful.yaml, line 3: a date, of which Pulumi makes other text: write it in quotes"]),
    (r"""
cluster: {podCidr: pods, dns: {adress: 10.96.0.10}}
ssh: {port: 0}
docker: {logMaxSize: 10 MB, packages: docker-ce}
rollout: {batchSize: none}
nodes:
  worker-1: {address: 10.0.0.300, kubelet: {extraConfig: {maxpods: 3}}, labels: {kubenode/x: y}}
  worker_3: {}
""", [
        "cluster.podCidr: expected an address range without host bits, or one of each family with a comma, for example 10.244.0.0/16",
        "cluster.dns.adress: unknown key, did you mean address?",
        "rollout.batchSize: expected a whole number from 1 to 1000, for example 1",
        "ssh.port: expected a TCP port, a whole number from 1 to 65535, for example 22",
        "docker.logMaxSize: expected a size in k, m or g, for example 10m",
        "docker.packages: unknown key, did you mean package?",
        "nodes.worker_3: expected a node name of at most 63 lower case letters, digits, hyphens and dots, for example worker-1",
        "nodes.worker-1.address: expected an IP address or host name, for example 10.0.0.7",
        "nodes.worker-1.labels.kubenode/x: the prefix kubenode/ belongs to this stack's own labels",
        "nodes.worker-1.kubelet.extraConfig.maxpods: the kubelet of 1.37 has no field of this name; did you mean maxPods?",
    ]),
]  # fmt: skip


def _written(directory: Path, text: str) -> dict[str, object]:
    example.write_project(directory)
    (directory / "ca.pem").write_text(example.CA_PEM)
    (directory / "ca-key.pem").write_text("no key\n")
    (directory / "token").write_text("0123456789abcdef0123456789abcdef\n")
    (directory / "admin-token").write_text("token-of-the-admin\n")
    (directory / "doubtful.yaml").write_text(
        "worker-1:\n  address: 10.0.0.7\n  annotations: {example.org/bought: 2024-05-01}\n"
    )
    (directory / "good.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: calico-config, namespace: kube-system}\n"
    )
    (directory / "empty.yaml").write_text("nothing: here\n")
    (directory / "wrapped.yaml").write_text("nodes: {worker-1: {address: 10.0.0.7}}\n")
    (directory / "twice.yaml").write_text("worker-1: {address: 10.0.0.7}\nworker-1: {address: 10.0.0.8}\n")
    changes = document_of(text).value
    assert isinstance(changes, dict)
    return patched(example.raw(), changes)


@pytest.mark.parametrize(("text", "lines"), CASES, ids=[text.strip().partition("\n")[0] for text, _ in CASES])
def test_the_whole_message(
    text: str, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = program.run(_written(tmp_path, text), tmp_path, monkeypatch)
    assert ran.error.splitlines() == ["the configuration of stack test has problems:", *lines]
    # No resource but the stack itself, no function of a plugin, no process: no host and no cluster.
    assert ran.registered == []
    assert ran.asked == []
    assert ran.started == []


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60
    assert max(len(lines) for _, lines in CASES) >= 8


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "up"])
def test_a_good_configuration_does_register_and_ask(
    preview: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the way of counting would notice."""
    ran = program.run(_written(tmp_path, "{}"), tmp_path, monkeypatch, preview=preview)
    assert ran.error == ""
    assert ran.asked == ["command:local:run"]
    assert "worker-1-kubelet" in ran.registered
    assert len(ran.registered) > 30


def test_a_section_without_keys_is_an_empty_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Pulumi hands it over; tests/plugins/test_configuration.py shows that it does."""
    raw = {**_written(tmp_path, "{}"), "timeouts": "", "calico": "", "docker": ""}
    assert program.run(raw, tmp_path, monkeypatch).error == ""


def test_an_up_without_the_files_of_the_secrets_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = _written(tmp_path, "{}")
    (tmp_path / "id_ed25519").unlink()
    ran = program.run(raw, tmp_path, monkeypatch, preview=False)
    assert ran.error.splitlines() == [
        "the configuration of stack test has problems:",
        "ssh.privateKeyFile: there is no file id_ed25519 in the project directory",
    ]
    assert (ran.registered, ran.asked, ran.started) == ([], [], [])
    assert program.run(raw, tmp_path, monkeypatch, preview=True).error == ""
