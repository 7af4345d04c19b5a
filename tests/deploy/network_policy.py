"""NetworkPolicy objects as rules of nftables in each pod's network namespace.

As in Kubernetes, policies add up; a pod that none selects for a direction is
open in it. Peers are pods, by their labels, of the one namespace that is
played; another namespace has none.
"""

import subprocess

from tests.deploy import container, manifests
from tests.deploy.network import Network

_DIRECTIONS = {"Ingress": ("input", "ingress", "from", "saddr"),
               "Egress": ("output", "egress", "to", "daddr")}


def missing():
    if container.tool("nft") is None:
        return "nft is not installed (Debian's nftables)"
    return None


def _selected(selector, labels):
    if set(selector) - {"matchLabels", "matchExpressions"}:
        raise ValueError(f"not played: {selector}")
    for expression in selector.get("matchExpressions", ()):
        if expression["operator"] != "In":
            raise ValueError(f"not played: {expression}")
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return manifests.selects(selector.get("matchLabels", {}), labels)


def _peers(rule, pods, key, side):
    """The match of addresses of a rule; None: nobody."""
    if key not in rule:
        return ""
    addresses = sorted(
        pod.address for peer in rule[key] if "podSelector" in peer
        for pod in pods if _selected(peer["podSelector"], pod.labels))
    if not addresses:
        return None
    return f"ip {side} {{ {', '.join(addresses)} }} "


def rules(policies, pod, pods):
    """The text for nft of what a pod may do and who may call it."""
    lines = ["table inet hawser", "flush table inet hawser",
             "table inet hawser {"]
    for direction, (chain, field, key, side) in _DIRECTIONS.items():
        applied = [policy["spec"] for policy in policies
                   if direction in policy["spec"]["policyTypes"] and
                   _selected(policy["spec"]["podSelector"], pod.labels)]
        if not applied:
            continue
        interface = "iifname" if chain == "input" else "oifname"
        lines += [f"chain {chain} {{",
                  f"type filter hook {chain} priority 0; policy drop;",
                  f'{interface} "lo" accept',
                  "ct state established,related accept"]
        if chain == "input":  # a kubelet's probes
            lines.append(f"ip saddr {Network.node_address} accept")
        for rule in (rule for spec in applied for rule in spec.get(field, ())):
            match = _peers(rule, pods, key, side)
            if match is None:
                continue
            lines += [f"{match}{port['protocol'].lower()} dport {port['port']} "
                      "accept" for port in rule["ports"]]
        lines.append("}")
    return "\n".join([*lines, "}", ""])


def enforce(text, namespace):
    done = subprocess.run(
        [container.tool("nsenter"), f"--net=/run/netns/{namespace}",
         container.tool("nft"), "-f", "-"], input=text, capture_output=True,
        text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"nft: {done.stderr}\n{text}")
