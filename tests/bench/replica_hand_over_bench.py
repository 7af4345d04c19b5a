#!/usr/bin/python3
"""How long a job stands still when a server is killed whose blocks another has.

    bazel build //:bin
    tests/bench/replica_hand_over_bench.py [--rounds 5] [--lease-ms 5000]

The model: a GPT of some 7.4 million parameters with AdamW on two servers with
`replicas: 2`, two workers of one thread; `hawser up`. A round kills a server in
the middle of the job. Stands still: from the kill to the first step that is
made after it, as the scheduler is told of it. Lost: steps that had been told
and are made again.
"""

import argparse
import os
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))

# pylint: disable=wrong-import-position
from tests.bench.local_cluster import (  # noqa: E402
    LocalCluster, print_table, write_text)

NAME = "hand-over-bench"
JOB = """name: "hand-over-bench"
model { gpt { vocabulary: 256 context: 64 layers: 9 heads: 4 width: 256 } }
data { text { files: "text" validation_share: 0.001 } }
optimizer { adamw {} }
learning_rate { base: 1e-3 }
schedule { steps: 100000 global_batch: 8 }
resources { workers: 2 servers: 2 replicas: 2 }
"""
BEFORE = 10  # steps until the kill


def run_round(binary, lease_ms):
    """(Seconds that the job stood still, steps lost)."""
    with tempfile.TemporaryDirectory() as directory:
        write_text(os.path.join(directory, "text"))
        job = os.path.join(directory, "job.textproto")
        with open(job, "w", encoding="utf-8") as file:
            file.write(JOB)
        with LocalCluster(binary, directory, 2, 2, "--lease-ms", str(lease_ms),
                          "--heartbeat-ms", str(lease_ms // 5)) as cluster:
            cluster.hawser("submit", job)
            cluster.await_step(NAME, BEFORE)
            process, _ = cluster.node_of("server")
            os.kill(process, signal.SIGKILL)
            killed = time.monotonic()
            # What it had told may still be on its way.
            time.sleep(0.2)
            before = after = cluster.step(NAME)
            while after == before:
                after = cluster.step(NAME)
            return time.monotonic() - killed, max(0, before - after)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="bazel-bin/bin/hawser")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lease-ms", type=int, default=5000)
    arguments = parser.parse_args()
    rounds = []
    for number in range(1, arguments.rounds + 1):
        rounds.append(run_round(arguments.binary, arguments.lease_ms))
        print(f"round {number}: stood still for {rounds[-1][0]:.2f} s, "
              f"{rounds[-1][1]} steps lost", flush=True)
    seconds, lost = zip(*rounds)
    print_table([("stands still", seconds), ("steps lost", lost)])


if __name__ == "__main__":
    main()
