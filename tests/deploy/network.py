"""Network namespaces, one a pod, joined by a bridge in one of their own.

Nothing of it is to be seen or reached from the machine's own network. Needs
root and `ip` (iproute2).
"""

import subprocess

from tests.deploy import container


def _ip(*arguments):
    done = subprocess.run([container.tool("ip"), *arguments], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


class Network:
    """Addresses are 10.64.X.Y, each given once.

    node: the namespace of the bridge, reached at node_address.
    """

    node_address = "10.64.255.254"

    def __init__(self, prefix):
        """prefix: of the namespaces' names; another for each network."""
        self._prefix = prefix
        self._given = 0
        self._names = []
        self.node = self._create("node")
        # A bridge without an address of its own takes that of one of its
        # ports, and another when that pod goes.
        _ip("-n", self.node, "link", "add", "pods", "address",
            "02:00:00:00:00:01", "type", "bridge")
        _ip("-n", self.node, "address", "add", f"{self.node_address}/16",
            "dev", "pods")
        _ip("-n", self.node, "link", "set", "pods", "up")

    def _create(self, name):
        namespace = f"{self._prefix}-{name}"
        _ip("netns", "add", namespace)
        self._names.append(namespace)
        _ip("-n", namespace, "link", "set", "lo", "up")
        return namespace

    def add(self):
        """Returns (name of a new namespace, its address)."""
        self._given += 1
        number = self._given
        namespace = self._create(str(number))
        address = f"10.64.{number // 250}.{number % 250 + 1}"
        _ip("-n", self.node, "link", "add", f"pod{number}", "type", "veth",
            "peer", "name", "eth0", "netns", namespace)
        _ip("-n", self.node, "link", "set", f"pod{number}", "master", "pods",
            "up")
        _ip("-n", namespace, "address", "add", f"{address}/16", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "eth0", "up")
        return namespace, address

    def remove(self, namespace):
        _ip("netns", "delete", namespace)
        self._names.remove(namespace)

    def close(self):
        for namespace in list(self._names):
            self.remove(namespace)
