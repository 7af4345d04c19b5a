#!/usr/bin/python3
"""How long a cluster is without a scheduler when its leader is lost.

    bazel build //:bin
    tests/bench/leader_hand_over_bench.py [--rounds 10] [--lease 5] [--bin DIRECTORY]

One etcd and three schedulers on this machine. Each round the leader is killed
(kill -9), or, every other round, stopped (SIGSTOP) and killed later, at a time
of its lease that is drawn; the time runs until another one answers `hawser
jobs` with the job that was accepted before. Prints seconds: min, median, max.
Needs Debian's etcd-server; leaves nothing behind.
"""

import argparse
import contextlib
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

JOB = """name: "waits"
model { mlp { layer_sizes: [ 4, 3 ] } }
data { idx { directory: "none" } }
optimizer { adam {} }
learning_rate { base: 0.1 }
schedule { epochs: 1 global_batch: 16 }
"""
DEADLINE = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_that(what, condition):
    limit = time.monotonic() + DEADLINE
    while time.monotonic() < limit:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    sys.exit(f"not within {DEADLINE} s: {what}")


class Cluster:

    def __init__(self, binaries, directory, lease, stack):
        self.binaries = binaries
        self.directory = directory
        self.lease = lease
        self.stack = stack
        self.port = free_port()
        self.schedulers = {}
        url = f"http://127.0.0.1:{self.port}"
        peer = f"http://127.0.0.1:{free_port()}"
        self.start("etcd", "--data-dir", f"{directory}/etcd",
                   "--listen-client-urls", url, "--advertise-client-urls", url,
                   "--listen-peer-urls", peer,
                   "--initial-advertise-peer-urls", peer,
                   "--initial-cluster", f"default={peer}")

    def start(self, *words):
        process = subprocess.Popen(words, cwd=self.directory,
                                   stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.stack.callback(process.kill)
        return process

    def start_scheduler(self):
        address = f"127.0.0.1:{free_port()}"
        self.schedulers[address] = self.start(
            f"{self.binaries}/hawser-scheduler", "--listen", address,
            "--etcd", f"127.0.0.1:{self.port}",
            "--leader-lease-seconds", str(self.lease))

    def hawser(self, addresses, *words):
        return subprocess.run(
            [f"{self.binaries}/hawser", "--scheduler", ",".join(addresses),
             *words], cwd=self.directory, capture_output=True, text=True,
            check=False)

    def leader(self):
        for address in self.schedulers:
            if self.hawser([address], "jobs").returncode == 0:
                return address
        return None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--lease", type=int, default=5)
    parser.add_argument("--bin", default="bazel-bin/bin")
    arguments = parser.parse_args()
    taken = []
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        cluster = Cluster(os.path.abspath(arguments.bin), directory,
                          arguments.lease, stack)
        with open(f"{directory}/job.textproto", "w", encoding="utf-8") as file:
            file.write(JOB)
        for _ in range(3):
            cluster.start_scheduler()
        leader = await_that("a leader", cluster.leader)
        submitted = cluster.hawser([leader], "submit", "job.textproto")
        if submitted.returncode != 0:
            sys.exit(submitted.stderr)
        for number in range(arguments.rounds):
            leader = await_that("a leader", cluster.leader)
            time.sleep(random.uniform(0, arguments.lease))
            lost = cluster.schedulers.pop(leader)
            lost.send_signal(signal.SIGSTOP if number % 2 else signal.SIGKILL)
            begin = time.monotonic()

            def answers():
                said = cluster.hawser(list(cluster.schedulers), "jobs")
                return said.returncode == 0 and "waits" in said.stdout
            await_that("another leader", answers)
            taken.append(time.monotonic() - begin)
            print(f"round {number + 1}: {taken[-1]:.2f} s", flush=True)
            lost.kill()
            cluster.start_scheduler()
    print(f"hand-over: {min(taken):.2f} / {statistics.median(taken):.2f} / "
          f"{max(taken):.2f} s")


if __name__ == "__main__":
    main()
