"""An httpGet probe, asked from the node, as a kubelet does: it takes any
certificate, and 200 to 399 are good."""

import subprocess

from tests.deploy import container

_ASK = """
import ssl, sys, urllib.request
context = ssl._create_unverified_context()
urllib.request.urlopen(sys.argv[1], timeout=float(sys.argv[2]), context=context)
"""


def ask(netns, url, timeout_seconds):
    """Returns (0 if good, what went wrong)."""
    done = subprocess.run(
        [container.tool("nsenter"), f"--net=/run/netns/{netns}",
         "/usr/bin/python3", "-c", _ASK, url, str(timeout_seconds)],
        capture_output=True, text=True, check=False)
    return done.returncode, done.stderr[-300:]
