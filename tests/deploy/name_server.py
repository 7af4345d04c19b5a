"""The cluster's DNS: dnsmasq, answering for cluster.local and nothing else.

A name is looked up in the domains of resolv_conf first, as in every pod of
Kubernetes.
"""

import os
import signal
import subprocess
import time

from tests.deploy import container

DOMAIN = "cluster.local"
_STARTUP_SECONDS = 20


def missing():
    if container.tool("dnsmasq") is None:
        return "dnsmasq is not installed (Debian's dnsmasq-base)"
    return None


def resolv_conf(address, namespace):
    return (f"nameserver {address}\n"
            f"search {namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}\n"
            "options ndots:5\n")


class NameServer:

    def __init__(self, namespace, address, directory):
        """Serves at `address` of a network namespace."""
        self._hosts = f"{directory}/names"
        self._said = None
        started = f"{directory}/dnsmasq.pid"
        with open(self._hosts, "w", encoding="utf-8"):
            pass
        with open(f"{directory}/dnsmasq.log", "wb") as log:
            self._process = subprocess.Popen(
                [container.tool("nsenter"), f"--net=/run/netns/{namespace}",
                 container.tool("dnsmasq"), "--keep-in-foreground",
                 "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                 f"--pid-file={started}", "--user=root", "--bind-interfaces",
                 f"--listen-address={address}", f"--local=/{DOMAIN}/",
                 "--local=/svc/", f"--addn-hosts={self._hosts}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        # A signal before that would end it.
        limit = time.monotonic() + _STARTUP_SECONDS
        while not os.path.exists(started):
            if self._process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"dnsmasq: see {directory}/dnsmasq.log")
            time.sleep(0.01)

    def say(self, names):
        """From now on: [(address, name)], names below DOMAIN."""
        text = "".join(f"{address} {name}.{DOMAIN}\n"
                       for address, name in names)
        if text == self._said:
            return
        if self._process.poll() is not None:
            raise RuntimeError("dnsmasq has ended")
        self._said = text
        with open(self._hosts, "w", encoding="utf-8") as file:
            file.write(text)
        self._process.send_signal(signal.SIGHUP)

    def close(self):
        self._process.terminate()
        self._process.wait()
