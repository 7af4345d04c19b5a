"""Where members run: each on a host of its own, or all on this machine.

    hosts = make(f"hawser-faults-{os.getpid()}")   # or Loopback()
    host = hosts.add()
    subprocess.Popen([*hosts.enter(host), "hawser-worker", ...])
    hosts.drop(sender, receiver)      # the receiver does not hear the sender
    hosts.deliver(sender, receiver)
    hosts.close()

Hosts are network namespaces on a bridge (tests/deploy/network.py); what is
dropped is dropped by nftables where it arrives, so that no sender is told.
"""

import subprocess

from tests.deploy import container
from tests.deploy.network import Network

PORT = 7070  # of a host's daemon


class Loopback:
    """All on this machine: nobody can be cut off."""

    can_cut = False

    def add(self):
        return ""

    def enter(self, host):
        del host
        return []

    def listen(self, host, before):
        """Flags for a daemon; before: the address that it had, if any."""
        del host
        return ["--listen", before or "127.0.0.1:0"]

    def close(self):
        pass


class Namespaces:
    """A network namespace for each member; a host is named by its own."""

    can_cut = True

    def __init__(self, prefix):
        self._network = Network(prefix)
        self._addresses = {}
        self._dropped = {}  # by receiver: addresses that it does not hear

    def add(self):
        host, address = self._network.add()
        self._addresses[host] = address
        self._dropped[host] = set()
        return host

    def enter(self, host):
        """The words before a command; host "": where nobody is cut off."""
        return [container.tool("nsenter"),
                f"--net=/run/netns/{host or self._network.node}"]

    def listen(self, host, before):
        del before
        return ["--listen", f"{self._addresses[host]}:{PORT}",
                "--allow-insecure-network"]

    def drop(self, sender, receiver):
        self._dropped[receiver].add(self._addresses[sender])
        self._enforce(receiver)

    def deliver(self, sender, receiver):
        self._dropped[receiver].discard(self._addresses[sender])
        self._enforce(receiver)

    def _enforce(self, host):
        addresses = ", ".join(sorted(self._dropped[host]))
        rule = f"ip saddr {{ {addresses} }} drop" if addresses else ""
        text = ("table inet faults\nflush table inet faults\n"
                "table inet faults {\nchain input {\n"
                "type filter hook input priority 0;\n"
                f"{rule}\n}}\n}}\n")
        done = subprocess.run([*self.enter(host), container.tool("nft"), "-f",
                               "-"], input=text, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise RuntimeError(f"nft: {done.stderr}\n{text}")

    def close(self):
        self._network.close()


def missing():
    """Why members cannot have hosts of their own here; None if they can."""
    reason = container.missing()
    if reason is None and container.tool("nft") is None:
        reason = "nft is not installed (Debian's nftables)"
    return reason


def make(prefix):
    return Loopback() if missing() else Namespaces(prefix)
