"""Addresses of Services: what kube-proxy does, as rules of nftables in each pod.

A Service without `clusterIP: None` has one address for its whole life; a call
of it goes to the newest of its pods that is ready, and is refused while there
is none.
"""

FIRST = "10.64.254."  # of network.Network's, given to no pod


class ServiceAddresses:

    def __init__(self):
        self._given = {}  # name of the service: address

    def of(self, service):
        """None: it is headless."""
        if service["spec"].get("clusterIP") == "None":
            return None
        name = service["metadata"]["name"]
        return self._given.setdefault(name, f"{FIRST}{len(self._given) + 1}")

    def rules(self, endpoints):
        """The text for nft; endpoints: [(service, its ready pods)]."""
        translated, refused = [], []
        for service, pods in endpoints:
            address = self.of(service)
            if address is None:
                continue
            if pods:
                translated.append(f"ip daddr {address} dnat to "
                                  f"{pods[-1].address}")
            else:
                refused.append(f"ip daddr {address} reject")
        return "\n".join([
            "table ip services", "flush table ip services",
            "table ip services {", "chain translate {",
            "type nat hook output priority -100;", *translated, "}",
            "chain refuse {", "type filter hook output priority -1;",
            *refused, "}", "}", ""])
