"""What a bad configuration is told: a line for each problem, with place and example, all at once, no value."""
# ruff: noqa: E501 - the tables have one case a line

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import pytest

from components.settings import Problem, SettingsError, load
from components.settings.sections import NODE_SECTIONS, STACK_SECTIONS
from tests.components import example

KUBELET = "nodes/worker-1/kubelet/extraConfig"
PROXY = "nodes/worker-1/kubeProxy/extraConfig"
AT = "nodes.worker-1"

BASTION = {
    "address": "10.0.0.1",
    "user": "jump",
    "privateKeyFile": "id_ed25519",
    "hostKey": example.HOST_KEYS[0],
}

# what is changed in a valid configuration: the one line that it is told
CASES: list[tuple[dict[str, Any], str]] = [
    # keys
    ({"nods": {}}, "nods: unknown key, did you mean nodes?"),
    ({"kube_proxy": {}}, "kube_proxy: unknown key, did you mean kubeProxy?"),
    ({"docker": {"log_max_size": "10m"}}, "docker.log_max_size: unknown key, did you mean logMaxSize?"),
    ({"nodes/worker-1/labls": {}}, f"{AT}.labls: unknown key, did you mean labels?"),
    ({"rollout": {"x": 1}}, "rollout.x: unknown key, known here: batchSize, reapply"),
    ({"rollout": []}, "rollout: expected a map of keys and values, for example {batchSize: 1}"),
    ({"docker": {"images": {}}}, "docker.images: expected a list, for example [{name: registry.k8s.io/pause:3.10.2, path: images/pause-3.10.2.tar}]"),
    # the cluster
    ({"cluster/podCidr": ...}, "cluster.podCidr: required: an address range without host bits, or one of each family with a comma, for example 10.244.0.0/16"),
    ({"cluster/podCidr": "10.244.0.1/16"}, "cluster.podCidr: expected an address range without host bits, or one of each family with a comma, for example 10.244.0.0/16"),
    ({"cluster/serviceCidr": "10.244.128.0/17", "cluster/dns/address": "10.244.128.10"}, "cluster.serviceCidr: overlaps podCidr 10.244.0.0/16"),
    ({"cluster/dns/address": "10.97.0.10"}, "cluster.dns.address: expected an address inside serviceCidr 10.96.0.0/16"),
    ({"cluster/dns/address": "10.96.0.1"}, "cluster.dns.address: expected another address than 10.96.0.1, which is the API server's service"),
    ({"cluster/dns/domain": "cluster.local."}, "cluster.dns.domain: expected a DNS domain without a dot at its end, for example cluster.local"),
    ({"cluster/server": "https://127.0.0.1:6443"}, "cluster.server: this is a loopback address, which nodes cannot reach: set one they can, for example https://10.0.0.1:6443"),
    ({"cluster/server": "http://10.0.0.1:8080"}, "cluster.server: expected an https URL, for example https://10.0.0.1:6443"),
    ({"cluster/kubeconfigFile": ...}, "cluster: expected kubeconfigFile or kubeconfig, for example kubeconfigFile: secrets/admin.kubeconfig"),
    ({"cluster/context": "nobody"}, "cluster.kubeconfigFile: the kubeconfig has no context nobody; it has admin@example, admin@other"),
    ({"identity": {"certificateValidityHours": 100_000}}, "identity.certificateValidityHours: expected at most 87840 of a cluster's signer (identity.issuer), for example 8760"),
    ({"identity": {"earlyRenewalHours": 8760}}, "identity.earlyRenewalHours: expected less than certificateValidityHours, which is 8760"),
    ({"identity": {"client": "issued"}, "kubelet": {"extraConfig": {"rotateCertificates": True}}}, "kubelet.extraConfig.rotateCertificates: contradicts identity.client, which is issued: leave it out"),
    ({"identity": {"serving": "issued"}, f"{KUBELET}": {"tlsCertFile": "/etc/k.pem"}}, f"{AT}.kubelet.extraConfig.tlsCertFile: contradicts identity.serving, which is issued: leave it out"),
    ({"identity": {"client": "static-token"}}, "identity.client: expected bootstrap, static or issued"),
    # nodes
    ({"nodes": {}}, "nodes: expected at least one node, for example worker-1: {address: 10.0.0.7}"),
    ({"nodes": []}, "nodes: expected a map with the nodes' names as keys, for example worker-1: {address: 10.0.0.7}"),
    ({"nodesFile": "nodes.yaml"}, "nodesFile: contradicts nodes: give one of them"),
    ({"nodes/Worker": {"address": "10.0.0.9"}}, "nodes.Worker: expected a node name of at most 63 lower case letters, digits, hyphens and dots, for example worker-1"),
    ({"nodes/worker-1/address": "10.0.0.256"}, f"{AT}.address: expected an IP address or host name, for example 10.0.0.7"),
    ({"nodes/worker-1/address": ...}, f"{AT}.address: required: an IP address or host name, for example 10.0.0.7"),
    ({"nodes/worker-1/address": "host-7"}, f"{AT}.nodeIp: required: address gives none, so set an IP address of the host, for example 10.0.0.7"),
    ({"nodes/worker-1/nodeIp": "127.0.0.1"}, f"{AT}.nodeIp: expected an IP address of the host that other hosts reach (no loopback, broadcast or multicast), or one of each family with a comma, for example 10.0.0.7"),
    ({"nodes/worker-1/nodeIp": "10.244.3.1"}, f"{AT}.nodeIp: lies inside cluster.podCidr 10.244.0.0/16"),
    ({"nodes/worker-1/address": "10.96.3.1"}, f"{AT}.address: lies inside cluster.serviceCidr 10.96.0.0/16"),
    ({"nodes/worker-2/nodeIp": "10.0.0.7"}, "nodes.worker-2.nodeIp: is the nodeIp of worker-1 too"),
    ({"nodes/worker-2/address": "10.0.0.7", "nodes/worker-2/ssh/port": 22}, "nodes.worker-2.address: is the address of worker-1 too"),
    # labels
    ({"nodes/worker-1/labels": {"kubernetes.io/hostname": "x"}}, f"{AT}.labels.kubernetes.io/hostname: the kubelet sets this label itself"),
    ({"nodes/worker-1/labels": {"node-restriction.kubernetes.io/a": "x"}}, f"{AT}.labels.node-restriction.kubernetes.io/a: labels of node-restriction.kubernetes.io are for administrators: set it with kubectl label"),
    ({"nodes/worker-1/labels": {"foo.k8s.io/a": "x"}}, f"{AT}.labels.foo.k8s.io/a: kubernetes.io and k8s.io are reserved: take a domain of your own, for example example.org/rack"),
    ({"nodes/worker-1/labels": {"kubenode/a": "x"}}, f"{AT}.labels.kubenode/a: the prefix kubenode/ belongs to this stack's own labels"),
    ({"nodes/worker-1/annotations": {"kubenode/claim": "x"}}, f"{AT}.annotations.kubenode/claim: the prefix kubenode/ belongs to this stack's own annotations"),
    ({"nodes/worker-1/labels": {"a b": "x"}}, f"{AT}.labels.a b: expected a label key, for example topology.kubernetes.io/zone"),
    ({"nodes/worker-1/labels": {"a": "on off"}}, f"{AT}.labels.a: expected a label value of at most 63 letters, digits, . _ -, for example rack-7"),
    ({"nodes/worker-1/labels": {"a": True}}, f"{AT}.labels.a: expected a label value of at most 63 letters, digits, . _ -, for example rack-7 (YAML reads true and false as a truth value: write it in quotes)"),
    # traps of YAML
    ({"kubernetes/version": 1.3}, 'kubernetes.version: expected a full Kubernetes version in quotes, for example "1.37.2" (YAML reads it as a number, so that 1.30 becomes 1.3: write it in quotes)'),
    ({"kubernetes/version": "1.37"}, 'kubernetes.version: expected a full Kubernetes version in quotes, for example "1.37.2"'),
    ({"kubernetes": ...}, 'kubernetes.version: required: a full Kubernetes version in quotes, for example "1.37.2"'),
    ({"ssh/port": "22"}, "ssh.port: expected a TCP port, a whole number from 1 to 65535, for example 22"),
    ({"ssh/port": True}, "ssh.port: expected a TCP port, a whole number from 1 to 65535, for example 22"),
    ({"drain": {"force": "yes"}}, "drain.force: expected true or false, without quotes"),
    ({"nodes/worker-1/nodeIp": 10}, f"{AT}.nodeIp: expected an IP address of the host that other hosts reach (no loopback, broadcast or multicast), or one of each family with a comma, for example 10.0.0.7 (YAML reads it as a number, so that 1.30 becomes 1.3: write it in quotes)"),
    # releases
    ({"kubernetes/version": "1.38.0"}, "kubernetes.version: Kubernetes 1.38.0 is not supported: it is newer than this release of kubenode knows; the nearest supported minor is 1.37"),
    ({"kubernetes/version": "1.28.9"}, "kubernetes.version: Kubernetes 1.28.9 is not supported: nothing of this project is tested with it, and its end of life has passed; the nearest supported minor is 1.29"),
    # SSH
    ({"ssh/privateKeyFile": ..., "nodes/worker-2/ssh/agent": True}, "ssh: expected exactly one of privateKeyFile, privateKey, agent, password; none is given, for example privateKeyFile: secrets/id_ed25519"),
    ({"ssh/agent": True}, "ssh.agent: expected exactly one of privateKeyFile, privateKey, agent, password; privateKeyFile and agent are given"),
    ({"nodes/worker-1/ssh/hostKey": ...}, f"{AT}.ssh.hostKey: required: the host's public key, the text of /etc/ssh/ssh_host_ed25519_key.pub on it (or ssh.insecureIgnoreHostKey: true, to trust whoever answers)"),
    ({"nodes/worker-1/ssh/hostKey": "SHA256:abc"}, f'{AT}.ssh.hostKey: expected the host\'s public key as /etc/ssh/ssh_host_ed25519_key.pub has it, for example "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5..."'),
    ({"nodes/worker-1/ssh/insecureIgnoreHostKey": True}, f"{AT}.ssh.insecureIgnoreHostKey: contradicts hostKey: leave one of them out"),
    ({"ssh/bastion": {key: value for key, value in BASTION.items() if key != "user"}}, "ssh.bastion.user: required: a login name, for example root"),
    ({"ssh/bastion": {**BASTION, "agent": True}}, "ssh.bastion.agent: expected exactly one of privateKeyFile, privateKey, agent, password; privateKeyFile and agent are given"),
    ({"ssh/bastion": {**BASTION, "privateKeyFile": "nowhere", "hostKey": "x"}}, 'ssh.bastion.hostKey: expected the host\'s public key as /etc/ssh/ssh_host_ed25519_key.pub has it, for example "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5..."'),
    ({"ssh/bastion": {key: value for key, value in BASTION.items() if key != "privateKeyFile"}}, "ssh.bastion: expected exactly one of privateKeyFile, privateKey, agent, password; none is given, for example privateKeyFile: secrets/id_ed25519"),
    ({"ssh/bastion": {key: value for key, value in BASTION.items() if key != "hostKey"}}, "ssh.bastion.hostKey: required: the bastion's public key, the text of /etc/ssh/ssh_host_ed25519_key.pub on it (or ssh.bastion.insecureIgnoreHostKey: true, to trust whoever answers)"),
    ({"ssh/bastion": {**BASTION, "insecureIgnoreHostKey": True}}, "ssh.bastion.insecureIgnoreHostKey: contradicts hostKey: leave one of them out"),
    ({"ssh/bastion": {**BASTION, "address": "10.0.0.7"}}, f"{AT}.ssh.bastion: the host is the bastion itself: give this node ssh: {{bastion: null}}"),
    ({"ssh/bastion": {**BASTION, "users": 1}}, "ssh.bastion.users: unknown key, did you mean user?"),
    # Docker
    ({"docker": {"criDockerd": None}}, "docker.criDockerd: required: a kubelet of Kubernetes 1.37 reaches Docker through cri-dockerd only (supported from 1.29 on), for example {version: 0.4.3}"),
    ({"nodes/worker-2/docker/criDockerd": {"version": "0.4.1"}}, "nodes.worker-2.docker.criDockerd.version: cri-dockerd 0.4.1 needs Docker 23 or newer, not Docker 20: use 0.4.3"),
    ({"nodes/worker-2/docker/package": "docker-ce=5:29.1.0-1~debian.12~bookworm", "docker": {"criDockerd": {"version": "0.3.10"}}}, "docker.criDockerd.version: cri-dockerd 0.3.10 is too old for Docker 29: use 0.4.3"),
    ({"docker": {"criDockerd": {"version": "0.2.6"}}}, "docker.criDockerd.version: Kubernetes 1.37 needs cri-dockerd 0.3.0 or newer"),
    ({"docker": {"extraConfig": {"log-driver": "journald"}}}, "docker.extraConfig.log-driver: expected json-file: kubectl logs reads no other driver's logs"),
    ({"nodes/worker-1/docker": {"extraConfig": {"exec-opts": ["native.cgroupdriver=cgroupfs"]}}}, f"{AT}.docker.extraConfig.exec-opts: contradicts docker.cgroupDriver, which is systemd: set the driver there"),
    ({"nodes/worker-1/docker": {"extraConfig": {"exec-opts": ["isolation=default"]}}}, f'{AT}.docker.extraConfig.exec-opts: it replaces the cgroup driver that the kubelet is told: expected a list with "native.cgroupdriver=systemd" in it'),
    ({"nodes/worker-1/docker": {"extraConfig": {"exec-opts": None}}}, f'{AT}.docker.extraConfig.exec-opts: it replaces the cgroup driver that the kubelet is told: expected a list with "native.cgroupdriver=systemd" in it'),
    ({"nodes/worker-1/docker": {"extraConfig": {"exec-opts": ["native.cgroupdriver=systemd", "native.cgroupdriver=cgroupfs"]}}}, f"{AT}.docker.extraConfig.exec-opts: contradicts docker.cgroupDriver, which is systemd: set the driver there"),
    ({"docker": {"extraConfig": {"data-root": "/data"}}}, "docker.extraConfig.data-root: not here: set docker.dataRoot: a removal takes that folder away again"),
    ({"docker": {"extraConfig": {"graph": None}}}, "docker.extraConfig.graph: not here: set docker.dataRoot: a removal takes that folder away again"),
    ({"docker": {"extraConfig": {"hosts": ["tcp://0.0.0.0:2375"]}}}, "docker.extraConfig.hosts: not here: Docker's unit gives it as a flag, and Docker refuses to start with both"),
    ({"nodes/worker-2/docker/registryMirrors": ["https://a.example.org"]}, "nodes.worker-2.docker.extraConfig.registry-mirrors: contradicts docker.registryMirrors: leave one of them out"),
    ({"docker": {"insecureRegistries": ["a:5000"], "extraConfig": {"insecure-registries": []}}}, "docker.extraConfig.insecure-registries: contradicts docker.insecureRegistries: leave one of them out"),
    ({"docker": {"registryMirrors": ["https://a.example.org/v2/hub"]}}, "docker.registryMirrors[0]: expected an http or https URL without a path, for example https://mirror.example.org"),
    ({"docker": {"registryMirrors": ["https://user:word@a.example.org"]}}, "docker.registryMirrors[0]: expected an http or https URL without a path, for example https://mirror.example.org (without a login: Docker sends none to a mirror; one for a registry goes into docker.registries)"),
    ({"docker": {"insecureRegistries": ["http://a.example.org"]}}, "docker.insecureRegistries[0]: expected a registry's host with its port, or an address range, without https://, for example registry.example.org:5000"),
    ({"docker": {"dataRoot": "data/docker"}}, "docker.dataRoot: expected an absolute path of letters, digits and . _ @ + -, for example /data/docker"),
    ({"docker": {"dataRoot": "/data/../etc"}}, "docker.dataRoot: expected an absolute path of letters, digits and . _ @ + -, for example /data/docker"),
    ({"docker": {"dataRoot": "/var/lib"}}, "docker.dataRoot: expected a folder of Docker's own: /var/lib/kubelet lies in it"),
    ({"docker": {"dataRoot": "/var/lib/kubelet/docker"}}, "docker.dataRoot: expected another folder than /var/lib/kubelet: it is the kubelet's"),
    ({"docker": {"dataRoot": "/run/docker"}}, "docker.dataRoot: expected another folder than /run: it is no place for files that last"),
    ({"docker": {"source": "snap"}}, "docker.source: expected distribution, docker, archive or existing"),
    ({"nodes/worker-1/docker": {"source": "archive"}}, f"{AT}.docker.archive: required for docker.source archive, for example {{url: https://download.docker.com/linux/static/stable/x86_64/docker-27.5.1.tgz, sha256: ...}}"),
    ({"nodes/worker-1/docker": {"source": "archive", "archive": {"url": "https://a/docker-27.5.1.tgz"}}}, f"{AT}.docker.archive.sha256: required: a SHA-256 of 64 hexadecimal digits, for example 9f86d081884c..."),
    ({"docker": {"archive": {"url": "https://a/docker-27.5.1.tgz", "sha256": "0" * 64}}}, "docker.archive: belongs to docker.source archive, and that is distribution: leave one of them out"),
    ({"docker": {"repository": {}}}, "docker.repository: belongs to docker.source docker, and that is distribution: leave one of them out"),
    ({"nodes/worker-2/docker/source": "docker"}, "nodes.worker-2.docker.package: belongs to docker.source distribution, and that is docker: leave one of them out"),
    ({"nodes/worker-1/docker": {"source": "docker", "repository": {"packages": []}}}, f"{AT}.docker.repository.packages: expected Docker Engine's package at least, for example docker-ce"),
    ({"nodes/worker-1/docker": {"source": "docker", "repository": {"keySha256": "abc"}}}, f"{AT}.docker.repository.keySha256: expected a SHA-256 of 64 hexadecimal digits, for example 9f86d081884c..."),
    ({"nodes/worker-1/docker": {"source": "docker", "repository": {"channel": "stable main"}}}, f"{AT}.docker.repository.channel: expected a channel of the repository, for example stable"),
    ({"nodes/worker-1/docker": {"source": "existing", "dataRoot": "/data/docker"}}, f"{AT}.docker.dataRoot: contradicts docker.source existing: a Docker that is there keeps its data where it is"),
    ({"nodes/worker-1/docker": {"source": "docker", "repository": {"packages": ["docker-ce=5:29.1.0-1~debian.12~bookworm"]}, "criDockerd": {"version": "0.3.10"}}}, f"{AT}.docker.criDockerd.version: cri-dockerd 0.3.10 is too old for Docker 29: use 0.4.3"),
    ({"nodes/worker-1/docker": {"source": "archive", "archive": {"url": "https://a/docker-20.10.24.tgz", "sha256": "0" * 64}, "criDockerd": {"version": "0.4.1"}}}, f"{AT}.docker.criDockerd.version: cri-dockerd 0.4.1 needs Docker 23 or newer, not Docker 20: use 0.4.3"),
    ({"nodes/worker-1/host": {"osFamily": "redhat"}, "nodes/worker-1/docker": {"source": "docker"}}, f"{AT}.docker.source: kubenode sets up Docker's repository for apt only: give the hosts that repository, and set docker.source distribution with docker.package docker-ce"),
    ({"docker": {"registries": {"https://registry.example.org": {"username": "a", "password": "b"}}}}, "docker.registries.https://registry.example.org: expected a registry's host, with its port if it has one, for example registry.example.org"),
    ({"docker": {"registries": {"registry.example.org": {"username": "a"}}}}, "docker.registries.registry.example.org.password: required: a password, for example an encrypted value"),
    ({"docker": {"registries": {"registry.example.org": {"username": "a:b", "password": "c"}}}}, "docker.registries.registry.example.org.username: expected a user name without colon, for example puller"),
    ({"docker": {"registries": {"index.docker.io": {"username": "a", "password": "c"}}}}, "docker.registries.index.docker.io: expected docker.io, which is what Docker Hub's images are called"),
    ({"docker": {"pauseImage": "pause:latest"}}, "docker.pauseImage: expected an image with a tag other than latest, or a digest, for example registry.k8s.io/pause:3.10.2"),
    ({"nodes/worker-1/docker": {"images": [{"name": "a:1"}]}}, f"{AT}.docker.images[0]: give exactly one of path and url, for example path: images/pause-3.10.2.tar"),
    ({"nodes/worker-1/docker": {"images": [{"name": "a:1", "url": "https://a/b.tar"}]}}, f"{AT}.docker.images[0].sha256: required: the SHA-256 of the archive at url"),
    ({"nodes/worker-1/docker": {"images": [{"name": "a:1", "path": "../b.tar"}]}}, f"{AT}.docker.images[0].path: expected a path below the mirror, for example images/pause-3.10.2.tar"),
    ({"nodes/worker-1/docker": {"images": [{"name": f"a:{tag}", "path": "images/nginx.tar"} for tag in (1, 2)]}}, f"{AT}.docker.images: two archives are called nginx.tar; give each its own file name"),
    # downloads
    ({"docker": {"criDockerd": {"version": "0.3.17"}}}, "downloads.checksumsFile: no SHA-256 for cri-dockerd/v0.3.17/cri-dockerd-0.3.17.amd64.tgz: add its line to SHA256SUMS"),
    ({"downloads/checksumsFile": "nowhere"}, "downloads.checksumsFile: there is no file nowhere in the project directory"),
    ({"downloads/mirror": "ftp://a"}, "downloads.mirror: expected an http or https URL, for example https://mirror.example.org/kubernetes"),
    ({"downloads/mirror": ...}, "nodes.worker-2.docker.images[0].path: a path is below downloads.mirror, which is not set; give url"),
    # host
    ({"host": {"swap": False}}, "host.swap: expected refuse or allow"),
    ({"host": {"sysctls": {"net.core.somaxconn": "1; rm"}}}, "host.sysctls.net.core.somaxconn: expected the value of a kernel setting, for example 1 (or nothing, to leave it alone)"),
    ({"host": {"diskFreeMegabytes": "2G"}}, "host.diskFreeMegabytes: expected a number of MiB, a whole number from 1 to 1073741824, for example 2048"),
    ({"host": {"maxClockSkewSeconds": 1}}, "host.maxClockSkewSeconds: expected a number of seconds, a whole number from 5 to 86400, for example 30"),
    ({"host": {"osFamily": "rocky"}}, "host.osFamily: expected debian or redhat"),
    ({"host": {"osFamily": "redhat"}, "nodes/worker-2/host/osFamily": "debian"}, "docker.package: the Red Hat family has no package docker.io: set docker-ce (the hosts need Docker's repository) or, on Fedora, moby-engine"),
    ({"host": {"osFamily": "redhat", "packageMirror": {"url": "http://m/x"}}, "docker": {"package": "docker-ce"}, "nodes/worker-2/docker": ...}, "host.packageMirror: only hosts of the Debian family can be told a mirror: set it in the host's own /etc/yum.repos.d"),
    ({"host": {"packageMirror": {}}}, "host.packageMirror.url: required: an http or https URL, for example https://deb.debian.org/debian"),
    ({"host": {"packageMirror": {"url": "http://m/x main"}}}, "host.packageMirror.url: expected an http or https URL, for example https://deb.debian.org/debian"),
    ({"host": {"proxy": {}}}, "host.proxy: expected http, https or both, for example {https: http://proxy.example.org:3128}"),
    ({"host": {"proxy": {"http": "proxy:3128"}}}, "host.proxy.http: expected a proxy as http://host:port, or http://user:password@host:port with other characters than letters, digits and . _ ~ - as %XX, for example http://proxy.example.org:3128"),
    ({"host": {"proxy": {"https": "http://a:$(id)@proxy:3128"}}}, "host.proxy.https: expected a proxy as http://host:port, or http://user:password@host:port with other characters than letters, digits and . _ ~ - as %XX, for example http://proxy.example.org:3128"),
    ({"host": {"proxy": {"http": "http://p:1", "noProxy": ["a b"]}}}, "host.proxy.noProxy[0]: expected a host, a domain with a dot in front, an address or an address range, for example 10.0.0.0/24"),
    ({"host": {"packages": ["$(id)"]}}, "host.packages[0]: expected a package, with a version if you want to pin it, for example docker.io=20.10.24+dfsg1-1"),
    # kubelet
    ({f"{KUBELET}/maxpods": 3}, f"{AT}.kubelet.extraConfig.maxpods: the kubelet of 1.37 has no field of this name; did you mean maxPods?"),
    ({f"{KUBELET}/kind": "X"}, f"{AT}.kubelet.extraConfig.kind: this project's own, leave it out"),
    ({f"{KUBELET}/runOnce": True}, f"{AT}.kubelet.extraConfig.runOnce: the kubelet of 1.37 has no field of this name; it was there from 1.19 to 1.36: leave it out, no kubelet runs pods once and ends"),
    ({f"{KUBELET}/address": "127.0.0.1"}, f"{AT}.kubelet.extraConfig.address: the API server cannot reach a loopback address: leave it out, it is nodeIp"),
    ({f"{KUBELET}/cgroupDriver": "cgroupfs"}, f"{AT}.kubelet.extraConfig.cgroupDriver: contradicts docker.cgroupDriver, which is systemd: set the driver there"),
    ({f"{KUBELET}/cgroupDriver": None}, f"{AT}.kubelet.extraConfig.cgroupDriver: contradicts docker.cgroupDriver, which is systemd: set the driver there"),
    ({f"{KUBELET}/evictionSoft": {"memory.available": "10%"}}, f"{AT}.kubelet.extraConfig.evictionSoft.memory.available: the kubelet needs a grace period for it, for example evictionSoftGracePeriod: {{memory.available: 1m30s}}"),
    ({f"{KUBELET}/imageGCLowThresholdPercent": 85}, f"{AT}.kubelet.extraConfig.imageGCLowThresholdPercent: expected less than imageGCHighThresholdPercent, which is 85"),
    ({f"{KUBELET}/healthzPort": 1}, f"{AT}.kubelet.extraConfig.healthzPort: expected 10248: the host asks there whether the kubelet is healthy"),
    ({f"{KUBELET}/containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock"}, f"{AT}.kubelet.extraConfig.containerRuntimeEndpoint: expected unix:///run/cri-dockerd.sock: the runtime is cri-dockerd"),
    ({f"{KUBELET}/featureGates": {"RotateKubeletClientCertificate": True}}, f"{AT}.kubelet.extraConfig.featureGates.RotateKubeletClientCertificate: no feature gate of Kubernetes 1.37 has this name, and an unknown one stops it; it was there up to 1.20: leave it out"),
    ({f"{KUBELET}/a": float("nan")}, f"{AT}.kubelet.extraConfig.a: expected a finite number, for example 0.5"),
    ({"kubelet": {"extraFlags": {"allow-privileged": True}}}, "kubelet.extraFlags.allow-privileged: the kubelet of Kubernetes 1.37 has no flag --allow-privileged; it was there up to 1.14: leave it out, Pod Security Admission decides"),
    ({"kubelet": {"extraFlags": {"pod-infra-container-image": "a"}}}, "kubelet.extraFlags.pod-infra-container-image: the kubelet of Kubernetes 1.37 has no flag --pod-infra-container-image; it was there up to 1.34: set docker.pauseImage"),
    ({"kubelet": {"extraFlags": {"node-labels": "a=b"}}}, "kubelet.extraFlags.node-labels: --node-labels is this project's own: set labels of the node"),
    ({"kubelet": {"extraFlags": {"v": "4 --x"}}}, "kubelet.extraFlags.v: expected the value of a flag without spaces and quotes, for example 4"),
    ({"kubelet": {"extraFlags": {"max-pod": 4}}}, "kubelet.extraFlags.max-pod: the kubelet of Kubernetes 1.37 has no flag --max-pod; did you mean --max-pods?"),
    ({"kubelet": {"extraFlags": {"help": True}}}, "kubelet.extraFlags.help: the kubelet of Kubernetes 1.37 has no flag --help; no release from 1.10 to 1.37 has it"),
    ({"kubelet": {"extraFlags": {"storage-driver-user": "root"}}}, "kubelet.extraFlags.storage-driver-user: the kubelet of Kubernetes 1.37 has no flag --storage-driver-user; it was there up to 1.36: leave it out"),
    ({f"{KUBELET}/maxPods": "55"}, f"{AT}.kubelet.extraConfig.maxPods: expected a whole number, for example 10"),
    ({f"{KUBELET}/maxPods": 55.0}, f"{AT}.kubelet.extraConfig.maxPods: expected a whole number, for example 10"),
    ({f"{KUBELET}/maxPods": 1 << 31}, f"{AT}.kubelet.extraConfig.maxPods: expected a whole number from -2147483648 to 2147483647, for example 10"),
    ({f"{KUBELET}/seccompDefault": "yes"}, f"{AT}.kubelet.extraConfig.seccompDefault: expected true or false, without quotes, for example true"),
    ({f"{KUBELET}/syncFrequency": 60}, f"{AT}.kubelet.extraConfig.syncFrequency: expected a duration, for example 1m30s"),
    ({f"{KUBELET}/syncFrequency": "1 min"}, f"{AT}.kubelet.extraConfig.syncFrequency: expected a duration, for example 1m30s"),
    ({f"{KUBELET}/tlsMinVersion": 1.2}, f'{AT}.kubelet.extraConfig.tlsMinVersion: expected text, in quotes where YAML reads a number or a truth value, for example "10"'),
    ({f"{KUBELET}/memoryThrottlingFactor": "0.9"}, f"{AT}.kubelet.extraConfig.memoryThrottlingFactor: expected a number, for example 0.9"),
    ({f"{KUBELET}/allowedUnsafeSysctls": "net.*"}, f'{AT}.kubelet.extraConfig.allowedUnsafeSysctls: expected a list, for example ["net.core.*"]'),
    ({f"{KUBELET}/allowedUnsafeSysctls": ["net.*", None]}, f'{AT}.kubelet.extraConfig.allowedUnsafeSysctls[1]: expected text, in quotes where YAML reads a number or a truth value, for example "10"'),
    ({f"{KUBELET}/kubeReserved": {"cpu": 1}}, f'{AT}.kubelet.extraConfig.kubeReserved.cpu: expected text, in quotes where YAML reads a number or a truth value, for example "10"'),
    ({f"{KUBELET}/featureGates": {"NodeSwap": "on"}}, f"{AT}.kubelet.extraConfig.featureGates.NodeSwap: expected true or false, without quotes, for example true"),
    ({f"{KUBELET}/authentication": {"x509": {"clientCaFile": "/ca.pem"}}}, f"{AT}.kubelet.extraConfig.authentication.x509.clientCaFile: the kubelet of 1.37 has no field of this name; did you mean clientCAFile?"),
    ({f"{KUBELET}/authentication": {"anonymous": False}}, f"{AT}.kubelet.extraConfig.authentication.anonymous: expected a map of keys and values, for example {{enabled: true}}"),
    ({f"{KUBELET}/reservedMemory": [{"numaNode": 0, "limits": {"memory": "1 GB"}}]}, f"{AT}.kubelet.extraConfig.reservedMemory[0].limits.memory: expected a quantity, for example 200Mi"),
    ({f"{KUBELET}/logging": {"flushFrequency": True}}, f"{AT}.kubelet.extraConfig.logging.flushFrequency: expected a duration or a number of nanoseconds, for example 5s"),
    ({f"{KUBELET}/healthzPort": "10248"}, f"{AT}.kubelet.extraConfig.healthzPort: expected a whole number, for example 10"),
    ({f"{KUBELET}/evictionSoft": {"memory.available": "10%"}, f"{KUBELET}/evictionSoftGracePeriod": "1m"}, f'{AT}.kubelet.extraConfig.evictionSoftGracePeriod: expected a map of keys and values, for example {{memory.available: 1m30s}}'),
    # kube-proxy
    ({f"{PROXY}/conntrack": {"maxPerCor": 1}}, f"{AT}.kubeProxy.extraConfig.conntrack.maxPerCor: the kube-proxy of 1.37 has no field of this name; did you mean maxPerCore?"),
    ({f"{PROXY}/conntrack": {"maxPerCore": "32768"}}, f"{AT}.kubeProxy.extraConfig.conntrack.maxPerCore: expected a whole number, for example 10"),
    ({f"{PROXY}/nodePortAddresses": "primary"}, f'{AT}.kubeProxy.extraConfig.nodePortAddresses: expected a list, for example [10.0.0.0/24]'),
    ({f"{PROXY}/metricsBindAddress": 10249}, f'{AT}.kubeProxy.extraConfig.metricsBindAddress: expected text, in quotes where YAML reads a number or a truth value, for example "10"'),
    ({f"{PROXY}/PortRange": "1"}, f"{AT}.kubeProxy.extraConfig.PortRange: the kube-proxy of 1.37 has no field of this name; did you mean portRange?"),
    ({f"{PROXY}/mode": "ipvs"}, f"{AT}.kubeProxy.extraConfig.mode: this project's own: set kubeProxy.mode"),
    ({f"{PROXY}/clusterCIDR": "10.96.0.0/16"}, f"{AT}.kubeProxy.extraConfig.clusterCIDR: this project's own: set cluster.podCidr"),
    ({f"{PROXY}/healthzBindAddress": "127.0.0.1:1"}, f"{AT}.kubeProxy.extraConfig.healthzBindAddress: expected 127.0.0.1:10256 or 0.0.0.0:10256: the host asks there"),
    ({f"{PROXY}/iptables": {"masqueradeAll": True}}, f"{AT}.kubeProxy.extraConfig.iptables.masqueradeAll: expected false: Calico's policies would see node addresses only"),
    ({"nodes/worker-1/taints": [{"key": "gpu", "effect": "Never"}]}, "nodes.worker-1.taints[0].effect: expected NoSchedule, PreferNoSchedule or NoExecute"),
    ({"nodes/worker-1/taints": [{"key": "kubenode/x", "effect": "NoSchedule"}]}, "nodes.worker-1.taints[0].key: the prefix kubenode/ belongs to this stack's own taints"),
    ({"nodes/worker-1/taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]}, "nodes.worker-1.taints[0].key: the control plane sets and removes these taints itself"),
    ({"nodes/worker-1/taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "value": "b", "effect": "NoSchedule"}]}, "nodes.worker-1.taints[1]: is there twice with this key and effect"),
    ({f"{KUBELET}/registerWithTaints": [{"key": "a", "effect": "NoSchedule"}]}, f"{AT}.kubelet.extraConfig.registerWithTaints: set taints of the node: its Node exists before its kubelet, which then adds none"),
    ({"kubeProxy": {"mode": "userspace"}}, "kubeProxy.mode: expected iptables, nftables, ipvs or existing"),
    ({"kubeProxy": {"mode": "existing", "extraConfig": {"portRange": "1-2"}}}, "kubeProxy.extraConfig: contradicts kubeProxy.mode, which is existing: no kube-proxy of ours would read it"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "line"), CASES, ids=[line.partition(": ")[0] for _, line in CASES])
def test_one_thing_wrong_is_one_line(changes: dict[str, Any], line: str, tmp_path: Path) -> None:
    found = example.problems(tmp_path, changes)
    assert line in found
    # Several lines are right only where one change breaks more than one thing.
    if "downloads/mirror" not in changes:
        assert found == [line]


@pytest.mark.parametrize(
    ("changes", "version", "line"),
    [
        ({f"{KUBELET}/failCgroupV1": False}, "1.29.6", "has no field of this name; it is there from 1.31 on"),
        (
            {f"{PROXY}/windowsRunAsService": True},
            "1.29.6",
            "has no field of this name; it is there from 1.31 on",
        ),
        (
            {"nodes/worker-1/kubeProxy": {"mode": "nftables"}},
            "1.29.6",
            "expected iptables, ipvs or existing with Kubernetes 1.29",
        ),
        ({f"{KUBELET}/rotateCertificates": True}, "1.10.2", "the kubelet of 1.10 has no field of this name"),
    ],
)
def test_what_an_older_release_does_not_know(
    changes: dict[str, Any], version: str, line: str, tmp_path: Path
) -> None:
    found = example.problems(tmp_path, changes, version)
    assert len(found) == 1
    assert line in found[0]


@pytest.mark.parametrize(
    ("changes", "version"),
    [
        ({f"{KUBELET}/failCgroupV1": False}, "1.37.2"),
        ({f"{KUBELET}/runOnce": True}, "1.36.1"),
        ({"docker": {"criDockerd": None}}, "1.10.2"),
        ({f"{KUBELET}/featureGates": {"RotateKubeletClientCertificate": True}}, "1.10.2"),
        ({"kubelet": {"extraFlags": {"cloud-config": "/etc/cloud"}}}, "1.29.6"),
        ({f"{KUBELET}/evictionSoft": {"pid.available": "10%"}, f"{KUBELET}/evictionSoftGracePeriod": {"pid.available": "1m"}}, "1.37.2"),
        ({f"{PROXY}/healthzBindAddress": "0.0.0.0:10256"}, "1.37.2"),
        ({"nodes/worker-1/labels": {"node-role.kubernetes.io/worker": "", "topology.kubernetes.io/zone": "a"}}, "1.37.2"),
        ({"nodes/worker-2/docker/criDockerd": {"version": "0.4.1"}, "nodes/worker-2/docker/package": "docker.io"}, "1.37.2"),
        ({"docker": None, "kubelet": None}, "1.37.2"),
        ({"docker": {"extraConfig": {"exec-opts": ["native.cgroupdriver=systemd", "isolation=default"]}}, "nodes/worker-2/docker/cgroupDriver": "systemd"}, "1.37.2"),
        ({"nodes/worker-2/kubelet/extraConfig/cgroupDriver": None}, "1.37.2"),
        ({"docker": {"dataRoot": "/data/docker", "registryMirrors": ["http://10.0.0.1:5000/"], "insecureRegistries": ["10.0.0.0/8", "[fd00::1]:5000"]}, "nodes/worker-2/docker/extraConfig/registry-mirrors": ...}, "1.37.2"),
        ({"docker": {"repository": {"channel": "test"}, "source": "docker"}, "nodes/worker-2/docker": {"source": "existing", "repository": None}}, "1.37.2"),
    ],
)  # fmt: skip
def test_what_is_fine(changes: dict[str, Any], version: str, tmp_path: Path) -> None:
    assert example.problems(tmp_path, changes, version) == []


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = example.problems(
        tmp_path,
        {
            "cluster/podCidr": "x",
            "docker": {"logMaxFile": 0},
            "rollout": {"batchSize": 0},
            "nodes/worker-1/address": "?",
            "nodes/worker-2/kubelet/extraConfig/maxpods": 1,
            "nodes/worker-2/ssh/port": 0,
        },
    )
    places = {line.partition(": ")[0] for line in found}
    assert places == {
        "cluster.podCidr",
        "docker.logMaxFile",
        "rollout.batchSize",
        "nodes.worker-1.address",
        "nodes.worker-2.kubelet.extraConfig.maxpods",
        "nodes.worker-2.ssh.port",
    }


def test_a_shared_problem_is_told_once_where_it_stands(tmp_path: Path) -> None:
    many = {
        f"nodes/w{i}": {"address": f"10.0.1.{i}", "ssh": {"hostKey": example.host_key(bytes([i]))}}
        for i in range(30)
    }
    assert len(example.problems(tmp_path, {**many, "docker": {"logMaxSize": "10 MB"}})) == 1


def test_each_place_of_a_map_is_told_once_where_it_stands(tmp_path: Path) -> None:
    date = datetime.date(2024, 1, 31)
    changes = {"kubelet": {"extraConfig": {"a": {"b": [1, {"c": date}]}, "d": math.inf}}}
    assert [str(one) for one in example.problems(tmp_path, changes)] == [
        "kubelet.extraConfig.a.b[1].c: expected text, a number, true, false, a list or a map; "
        'write a date in quotes, "2026-01-31"',
        "kubelet.extraConfig.d: expected a finite number, for example 0.5",
    ]


def test_a_shared_mistake_shows_even_if_every_node_overrides_it(tmp_path: Path) -> None:
    changes = {
        "kubelet": {"healthyTimeoutSeconds": "1"},
        "nodes/worker-1/kubelet": {"healthyTimeoutSeconds": 60},
        "nodes/worker-2/kubelet": {"healthyTimeoutSeconds": 60},
    }
    found = example.problems(tmp_path, changes)
    assert [line.partition(": ")[0] for line in found] == ["kubelet.healthyTimeoutSeconds"]


def test_the_error_carries_its_problems(tmp_path: Path) -> None:
    example.write_project(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load(example.changed(example.raw(), {"rollout": {"batchSize": 0}, "nods": 1}), tmp_path)
    assert [problem.path for problem in caught.value.problems] == ["nods", "rollout.batchSize"]
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    assert str(Problem("a.b", "c")) == "a.b: c"


SECRET = "s3cr3t-that-nobody-may-see"


@pytest.mark.parametrize(
    "place",
    [
        "ssh/privateKey",
        "ssh/password",
        "docker/registries",
        "docker/registries/registry.example.org",
        "docker/registries/registry.example.org/password",
        "cluster/kubeconfig",
        "cluster/caData",
        "nodes/worker-1/ssh/hostKey",
        "nodes/worker-1/address",
        "docker",
        "ssh",
        "kubelet/extraConfig",
        "kubelet/extraFlags/v",
        "host/sysctls/kernel.panic",
        "kubernetes/version",
        "cluster/server",
        "nodes/worker-1",
        "nodes",
        "nodesFile",
    ],
)
@pytest.mark.parametrize("value", [SECRET + "\n\x01", [SECRET], {"x": SECRET}, {"x": [SECRET, float("inf")]}])
def test_no_value_is_ever_repeated(place: str, value: object, tmp_path: Path) -> None:
    found = "\n".join(example.problems(tmp_path, {place: value}))
    assert found
    assert SECRET not in found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a secret", "cluster.kubeconfigFile: the kubeconfig is no map of keys and values"),
        ("a: [secret", "cluster.kubeconfigFile: the kubeconfig is no YAML, line 1: a list in [ ] that is not closed, or lacks a comma"),
        ("a: 1\na: 2\n", "cluster.kubeconfigFile: the kubeconfig is no YAML, line 2: the key a stands there twice"),
        ("a: 1\n", "cluster.kubeconfigFile: the kubeconfig has no current-context, set cluster.context"),
        (example.kubeconfig(authority="insecure-skip-tls-verify: true"), "cluster.caData: required: the kubeconfig has no certificate authority"),
        (example.kubeconfig(authority="certificate-authority-data: c2VjcmV0"), "cluster.kubeconfigFile: the certificate authority of cluster example in the kubeconfig is no PEM certificate"),
        (example.kubeconfig("https://localhost:6443"), "cluster.server: the kubeconfig's server is a loopback address, which nodes cannot reach: set one they can, for example https://10.0.0.1:6443"),
        (example.kubeconfig("http://10.0.0.1"), "cluster.server: expected an https URL, and the kubeconfig has another: set cluster.server"),
    ],
)  # fmt: skip
def test_a_bad_kubeconfig(text: str, line: str, tmp_path: Path) -> None:
    example.write_project(tmp_path)
    (tmp_path / "admin.kubeconfig").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(example.raw(), tmp_path)
    assert str(caught.value) == line


def test_a_checksums_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    example.write_project(tmp_path)
    sums = tmp_path / "SHA256SUMS"
    sums.write_text("\ufeff" + sums.read_text())
    load(example.raw(), tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("abc  release\n", "downloads.checksumsFile: line 1 is no line of sha256sum (64 hexadecimal digits, two spaces, a name)"),
        (f"\n# x\n{'a' * 64}  n\n{'b' * 64} *./n\n", "downloads.checksumsFile: line 4 gives n a second SHA-256"),
    ],
)  # fmt: skip
def test_a_bad_checksums_file_is_the_only_problem(text: str, line: str, tmp_path: Path) -> None:
    example.write_project(tmp_path)
    (tmp_path / "SHA256SUMS").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(example.raw(), tmp_path)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    "text",
    [
        "no key",
        example.private_key(cipher=b"aes256-ctr"),
        example.private_key(words="ENCRYPTED PRIVATE KEY"),
        "\xff",
    ],
    ids=["text", "passphrase", "pkcs8-passphrase", "latin1"],
)
def test_a_private_key_that_cannot_be_used(text: str, tmp_path: Path) -> None:
    example.write_project(tmp_path)
    (tmp_path / "id_ed25519").write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError) as caught:
        load(example.raw(), tmp_path)
    assert str(caught.value).startswith("ssh.privateKeyFile: ")
    assert len(caught.value.problems) == 1


def test_a_problem_of_one_value_hides_none_of_another(tmp_path: Path) -> None:
    """Each of these was found only in a second round, once what stands before it was right."""
    changes = {
        "cluster/podCidr": "10.96.0.0/8x",
        "cluster/kubeconfigFile": "nowhere",
        "cluster/dns/address": "10.1.0.10",
        "ssh/port": "22",
        "nodes/worker-1/nodeIp": "localhost",
        "nodes/worker-1/labels": {"kubernetes.io/hostname": "x"},
        "nodes/worker-2/nodeIp": "10.96.0.9",
        "docker/logMaxFile": "five",
        "docker/extraConfig": {"log-driver": "journald"},
        f"{KUBELET}/maxPods": 5,
        "nodes/worker-1/kubelet/healthyTimeoutSeconds": "soon",
        f"{KUBELET}/nosuch": 1,
    }
    found = [problem.partition(": ")[0] for problem in example.problems(tmp_path, changes)]
    assert sorted(set(found)) == [
        "cluster.dns.address",
        "cluster.kubeconfigFile",
        "cluster.podCidr",
        "docker.extraConfig.log-driver",
        "docker.logMaxFile",
        "nodes.worker-1.kubelet.extraConfig.nosuch",
        "nodes.worker-1.kubelet.healthyTimeoutSeconds",
        "nodes.worker-1.labels.kubernetes.io/hostname",
        "nodes.worker-1.nodeIp",
        "nodes.worker-2.nodeIp",
        "ssh.port",
    ]


@pytest.mark.parametrize(("changes", "line"), CASES, ids=[line.partition(": ")[0] for _, line in CASES])
def test_an_unknown_key_beside_it_hides_nothing(changes: dict[str, Any], line: str, tmp_path: Path) -> None:
    """Every section, the shared ones and those of a node, has one thing wrong besides."""
    whole = example.changed(example.raw(), changes)
    alone = example.problems(tmp_path, changes)
    besides = {
        f"{key}/zzz": 1 for key in {*STACK_SECTIONS, *NODE_SECTIONS} if isinstance(whole.get(key, {}), dict)
    }
    nodes = whole["nodes"] if isinstance(whole.get("nodes"), dict) else {}
    for name, node in nodes.items():
        if isinstance(node, dict):
            besides[f"nodes/{name}/zzz"] = 1
            besides |= {
                f"nodes/{name}/{key}/zzz": 1 for key in NODE_SECTIONS if isinstance(node.get(key, {}), dict)
            }
    found = example.problems(tmp_path, {**changes, **besides})
    assert line in found
    assert sorted(one for one in found if ".zzz: unknown key" not in one) == sorted(alone)


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"identity": {"certificateValidityHours": 100, "issuer": "vault"}}, ["identity.issuer", "identity.earlyRenewalHours"]),
        ({"identity": {"certificateValidityHours": 100, "earlyRenewalHours": "1h"}}, ["identity.earlyRenewalHours"]),
        ({"identity": {"serving": "issued", "approval": "?"}, f"{KUBELET}/serverTLSBootstrap": True}, ["identity.approval", "nodes.worker-1.kubelet.extraConfig.serverTLSBootstrap"]),
        ({"identity": {"issuer": "vault", "ca": {"certificateFile": "ca.pem"}}}, ["identity.issuer"]),
        ({"downloads": {"mirror": "x", "checksumsFile": "nowhere"}}, ["downloads.mirror", "downloads.checksumsFile"]),
        ({"downloads/mirror": "x"}, ["downloads.mirror"]),
        ({"downloads/checksumsFile": 7}, ["downloads.checksumsFile"]),
        ({"downloads": 7}, ["downloads"]),
        ({"downloads/mirror": "x", "nodes/worker-1/kubernetes": {"version": "1.36.4"}}, ["downloads.mirror", "downloads.checksumsFile"]),
        ({"cluster/kubeconfigFile": 7}, ["cluster.kubeconfigFile"]),
        ({"cluster/server": "x", "cluster/caData": "x"}, ["cluster.server", "cluster.caData"]),
        ({"nodes/worker-2/nodeIp": "localhost"}, ["nodes.worker-2.nodeIp"]),
        ({"nodes/worker-1/host": {"architecture": "x86_64"}}, ["nodes.worker-1.host.architecture"]),
        ({"nodes/worker-1/docker": {"criDockerd": {"version": 4}}}, ["nodes.worker-1.docker.criDockerd.version"]),
        ({"nodes/worker-1/docker": {"source": "apt", "repository": {}}}, ["nodes.worker-1.docker.source"]),
        ({"nodes/worker-1/docker": {"cgroupDriver": "x"}, f"{KUBELET}/cgroupDriver": "cgroupfs"}, ["nodes.worker-1.docker.cgroupDriver"]),
        ({"nodes/worker-1/kubeProxy": {"mode": "none"}}, ["nodes.worker-1.kubeProxy.mode"]),
        ({"nodes/worker-1/taints": [{"key": "a", "effect": "x"}, {"key": "kubenode/a", "effect": "NoSchedule"}]}, ["nodes.worker-1.taints[0].effect", "nodes.worker-1.taints[1].key"]),
        ({"nodes/worker-1/docker": {"images": [{"name": "nginx"}, {"name": "nginx:1.27.3"}]}}, ["nodes.worker-1.docker.images[0].name", "nodes.worker-1.docker.images[1]"]),
    ],
)  # fmt: skip
def test_a_check_needs_only_its_own_values(
    changes: dict[str, Any], places: list[str], tmp_path: Path
) -> None:
    """Another value that is wrong stops no check, and one that a check needs makes no false report."""
    found = [line.partition(": ")[0] for line in example.problems(tmp_path, changes)]
    assert sorted(set(found)) == sorted(places)


def test_an_empty_configuration_is_told_everything_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load({}, tmp_path)
    assert [problem.path for problem in caught.value.problems] == [
        "cluster.podCidr",
        "cluster.serviceCidr",
        "cluster.dns",
        "cluster",
        "nodes",
        "kubernetes.version",
        "ssh",
    ]


def test_without_nodes_the_shared_sections_are_checked_all_the_same(tmp_path: Path) -> None:
    changes = {"nodes": {}, "docker": {"extraConfig": {"log-driver": "journald"}}, "kubernetes": ...}
    found = [line.partition(": ")[0] for line in example.problems(tmp_path, changes)]
    assert found == ["nodes", "kubernetes.version", "docker.extraConfig.log-driver"]


ARRIVES = "Pulumi hands over what is encrypted as text. Write it in plain, it is no secret"


@pytest.mark.parametrize(
    ("changes", "encrypted_at", "line"),
    [
        ({"drain": {"timeoutSeconds": "5"}}, {"drain.timeoutSeconds"}, "drain.timeoutSeconds: expected a number of seconds, a whole number from 1 to 86400, for example 300; it is encrypted, that is why: " + ARRIVES),
        ({"drain": {"timeoutSeconds": "5"}}, set(), "drain.timeoutSeconds: expected a number of seconds, a whole number from 1 to 86400, for example 300"),
        ({"drain": {"timeoutSeconds": "5"}}, None, "drain.timeoutSeconds: expected a number of seconds, a whole number from 1 to 86400, for example 300; if it is encrypted, that is why: " + ARRIVES),
        ({"drain": {"timeoutSeconds": "soon"}}, None, "drain.timeoutSeconds: expected a number of seconds, a whole number from 1 to 86400, for example 300"),
        ({"drain": {"force": "true"}}, {"drain.force"}, "drain.force: expected true or false, without quotes; it is encrypted, that is why: " + ARRIVES),
        ({f"{KUBELET}/maxPods": "55"}, {f"{AT}.kubelet.extraConfig.maxPods"}, f"{AT}.kubelet.extraConfig.maxPods: expected a whole number, for example 10; it is encrypted, that is why: {ARRIVES}"),
        ({f"{KUBELET}/evictionHard": "{}"}, None, f'{AT}.kubelet.extraConfig.evictionHard: expected a map of keys and values, for example {{memory.available: 200Mi}}; if it is encrypted, that is why: {ARRIVES}'),
    ],
)  # fmt: skip
def test_a_number_that_is_encrypted_is_told_so(
    changes: dict[str, Any], encrypted_at: set[str] | None, line: str, tmp_path: Path
) -> None:
    example.write_project(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load(
            example.changed(example.raw(), changes),
            tmp_path,
            {"drain", "nodes"},
            encrypted_at=encrypted_at,
        )
    assert str(caught.value) == line


def test_a_secret_set_without_path_is_told_the_command_that_encrypts(tmp_path: Path) -> None:
    example.write_project(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load({**example.raw(), "ssh.password": "x"}, tmp_path, {"ssh.password"})
    assert str(caught.value) == (
        "ssh.password: a key with this whole name, as pulumi config set without --path makes it: pulumi config rm "
        "'ssh.password', and set it with pulumi config set --secret --path 'ssh.password'"
    )


def test_a_wrong_way_to_log_in_is_not_also_a_missing_one(tmp_path: Path) -> None:
    found = example.problems(tmp_path, {"ssh/privateKeyFile": 7})
    assert found == [
        "ssh.privateKeyFile: expected a path relative to the project directory, for example secrets/id_ed25519 (YAML reads it as a number, so that 1.30 becomes 1.3: write it in quotes)"
    ]
