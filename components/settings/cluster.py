"""The cluster that the nodes join: what its section says, and its kubeconfig where the section says nothing."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from components.settings import forms, sources
from components.settings.problems import Problem
from components.settings.report import Report
from components.settings.resolved import ClusterSettings
from components.settings.sections import ClusterSection


def cluster_of(report: Report, section: ClusterSection) -> ClusterSettings | None:
    """The cluster, or what is wrong with it; None if a value is missing that nothing else gives."""
    found = _kubeconfig(report, section)
    server = section.server or (found.server if found else None)
    ca_pem = forms.pem_certificates(section.ca_data) if section.ca_data else found.ca_pem if found else None
    identifier = section.identifier or (found.cluster_name if found else None)
    if found and not ca_pem and not report.is_wrong("cluster.caData"):
        report.refuse("cluster.caData", "required: the kubeconfig has no certificate authority")
    if server and not report.is_wrong("cluster.server"):
        _check_server(report, server, is_derived=section.server is None)
    if not (server and ca_pem and identifier):
        return None
    return ClusterSettings(
        server=server.rstrip("/"),
        ca_pem=ca_pem,
        identifier=identifier,
        pod_cidr=",".join(forms.pair(section.pod_cidr)),
        service_cidr=",".join(forms.pair(section.service_cidr)),
        dns_address=section.dns.address,
        dns_domain=section.dns.domain,
        kubeconfig_file=section.kubeconfig_file,
        kubeconfig=section.kubeconfig,
        context=section.context,
        kubeconfig_cluster_name=found.cluster_name if found else None,
    )


def _kubeconfig(report: Report, section: ClusterSection) -> sources.Kubeconfig | None:
    if section.kubeconfig_file is not None and section.kubeconfig is not None:
        report.refuse("cluster.kubeconfig", "contradicts kubeconfigFile: leave one of them out")
        return None
    if section.kubeconfig_file is None and section.kubeconfig is None:
        what = "expected kubeconfigFile or kubeconfig, for example kubeconfigFile: secrets/admin.kubeconfig"
        if not report.is_wrong("cluster.kubeconfigFile", "cluster.kubeconfig"):
            report.refuse("cluster", what)
        return None
    key, directory = "kubeconfig", report.project_dir
    try:
        if section.kubeconfig_file is not None:
            key, directory = (
                "kubeconfigFile",
                (report.project_dir / Path(section.kubeconfig_file).expanduser()).parent,
            )
            text = sources.text_of(report.project_dir, section.kubeconfig_file)
        else:
            text = section.kubeconfig.get_secret_value() if section.kubeconfig else ""
            report.refuse_plain(("cluster", "kubeconfig"), ("cluster", "kubeconfig"))
        found = sources.kubeconfig_of(text, section.context, directory)
    except sources.SourceMissingError as error:
        if section.server and section.ca_data and section.identifier:
            report.missing.append(Problem(f"cluster.{key}", str(error)))
        else:
            hint = "(a preview can do without it if server, caData and identifier are set)"
            report.refuse(f"cluster.{key}", f"{error} {hint}")
    except sources.SourceError as error:
        report.refuse(f"cluster.{key}", str(error))
    else:
        report.administrators = found.tokens
        return found
    return None


def _check_server(report: Report, server: str, *, is_derived: bool) -> None:
    host = forms.host_of(server)
    if not server.startswith("https://"):
        report.refuse(
            "cluster.server", "expected an https URL, and the kubeconfig has another: set cluster.server"
        )
    elif host == "localhost" or (forms.is_ip(host) and ipaddress.ip_address(host).is_loopback):
        where = (
            "the kubeconfig's server is a loopback address" if is_derived else "this is a loopback address"
        )
        message = f"{where}, which nodes cannot reach: set one they can, for example https://10.0.0.1:6443"
        report.refuse("cluster.server", message)
