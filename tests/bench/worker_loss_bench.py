#!/usr/bin/python3
"""How long a lost worker goes unseen, and how long its job stands still.

    bazel build //:bin
    tests/bench/worker_loss_bench.py [--rounds 10] [--stop]

The 784-128-10 MLP by three workers of a local cluster with the default flags
and two servers. A round kills a worker (kill -9; with --stop it is stopped
instead, so that its connection stays and only its lease tells) and waits until
another has been started. Seen: from the kill to the line in the job's log that
says so. Stands still: from the kill to the first step after the line.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))

# pylint: disable=wrong-import-position
from tests.bench.local_cluster import LocalCluster, print_table  # noqa: E402
from tests.integration import harness  # noqa: E402

NAME = "loss-bench"
JOB = """name: "loss-bench"
model { mlp { layer_sizes: [ 784, 128, 10 ] } }
data { idx { directory: "images" } }
optimizer { adam {} }
learning_rate { base: 1e-3 }
schedule { steps: 10000000 global_batch: 64 micro_batches: 8 }
resources { workers: 3 servers: 2 }
"""
BEFORE = 50  # steps until the kill


def run_round(cluster, is_stop):
    """(Seconds until it is seen, seconds that the job stood still)."""
    cluster.await_step(NAME, cluster.step(NAME) + BEFORE)
    process, node = cluster.node_of("worker")
    os.kill(process, signal.SIGSTOP if is_stop else signal.SIGKILL)
    lost = time.monotonic()
    cluster.await_line(NAME, f"worker {node} was lost")
    seen = time.monotonic()
    before = cluster.step(NAME)
    cluster.await_step(NAME, before + 1)
    if is_stop:
        os.kill(process, signal.SIGKILL)
    return seen - lost, time.monotonic() - lost


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="bazel-bin/bin/hawser")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--stop", action="store_true")
    arguments = parser.parse_args()
    rounds, late = [], []
    with tempfile.TemporaryDirectory() as directory:
        harness.write_idx(f"{directory}/images", training=6000, validation=100,
                          side=28, classes=10)
        job = os.path.join(directory, "job.textproto")
        with open(job, "w", encoding="utf-8") as file:
            file.write(JOB)
        with LocalCluster(arguments.binary, directory, 3, 2) as cluster:
            cluster.hawser("submit", job)
            for number in range(1, arguments.rounds + 1):
                rounds.append(run_round(cluster, arguments.stop))
                print(f"round {number}: seen after {rounds[-1][0]:.2f} s, stood "
                      f"still for {rounds[-1][1]:.2f} s", flush=True)
                late.append(subprocess.Popen(
                    [f"{os.path.dirname(arguments.binary)}/hawser-worker",
                     "--scheduler", cluster.scheduler, "--data-root",
                     directory], stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL))
            for process in late:
                process.kill()
                process.wait()
    seen, still = zip(*rounds)
    print_table([("seen after", seen), ("stands still", still)])


if __name__ == "__main__":
    main()
