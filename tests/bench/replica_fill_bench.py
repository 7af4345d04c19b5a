#!/usr/bin/python3
"""What a job notices while the replicas of its blocks are filled.

    bazel build //:bin
    tests/bench/replica_fill_bench.py [--rounds 5] [--layers 9]

The model: a GPT of some 0.8 million parameters a layer with AdamW on two servers
with `replicas: 2`, two workers of one thread; `hawser up`. A round kills a
server, lets the job go on alone for a while, and starts another one. Filling:
from its start, until the job's log says that the replicas are filled. The
longest pause: between two steps, as the scheduler is told of them, while alone
and while filling.
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
from tests.bench.local_cluster import (  # noqa: E402
    LocalCluster, print_table, write_text)

NAME = "fill-bench"
JOB = """name: "fill-bench"
model { gpt { vocabulary: 256 context: 64 layers: %d heads: 4 width: 256 } }
data { text { files: "text" validation_share: 0.001 } }
optimizer { adamw {} }
learning_rate { base: 1e-3 }
schedule { steps: 100000 global_batch: 8 }
resources { workers: 2 servers: 2 replicas: 2 }
"""
BEFORE = 5  # steps until the kill
ALONE = 20  # steps with one server


def longest_pause(cluster, done):
    """Seconds between two steps, until done(step), which is asked at each."""
    longest, last = 0.0, time.monotonic()
    step = cluster.step(NAME)
    while True:
        now = cluster.step(NAME)
        longest = max(longest, time.monotonic() - last)
        if now == step:
            continue
        step, last = now, time.monotonic()
        if done(step):
            return longest


def run_round(arguments):
    """Seconds: (the longest pause alone, while filling, the fill)."""
    binary = os.path.abspath(arguments.binary)
    with tempfile.TemporaryDirectory() as directory:
        write_text(os.path.join(directory, "text"))
        job = os.path.join(directory, "job.textproto")
        with open(job, "w", encoding="utf-8") as file:
            file.write(JOB % arguments.layers)
        with LocalCluster(binary, directory, 2, 2) as cluster:
            cluster.hawser("submit", job)
            cluster.await_step(NAME, BEFORE)
            process, _ = cluster.node_of("server")
            os.kill(process, signal.SIGKILL)
            cluster.await_line(NAME, "take over")
            first = cluster.step(NAME)
            cluster.await_step(NAME, first + 2)
            alone = longest_pause(cluster, lambda step: step >= first + ALONE)
            begin = time.monotonic()
            with subprocess.Popen(
                    [os.path.join(os.path.dirname(binary), "hawser-server"),
                     "--scheduler", cluster.scheduler, "--output-root",
                     os.path.join(directory, "out"), "--data-root", directory],
                    stderr=subprocess.DEVNULL) as server:
                try:
                    pause = longest_pause(
                        cluster, lambda _: "replicas are filled" in
                        cluster.hawser("logs", NAME))
                    fill = time.monotonic() - begin
                finally:
                    server.terminate()
            return alone, pause, fill


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="bazel-bin/bin/hawser")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", type=int, default=9)
    arguments = parser.parse_args()
    rounds = []
    for number in range(1, arguments.rounds + 1):
        rounds.append(run_round(arguments))
        print(f"round {number}: the longest pause {rounds[-1][0]:.2f} s alone, "
              f"{rounds[-1][1]:.2f} s while filling, which took "
              f"{rounds[-1][2]:.2f} s", flush=True)
    alone, pause, fill = zip(*rounds)
    print_table([("longest pause, one server alone", alone),
                 ("longest pause while filling", pause), ("filling", fill)])


if __name__ == "__main__":
    main()
