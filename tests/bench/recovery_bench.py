#!/usr/bin/python3
"""How long a job takes to go on from a checkpoint when a server is lost.

    bazel build //:bin
    tests/bench/recovery_bench.py [--rounds 5] [--megabytes 500]
        [--output-root DIR]

An MLP with Adam whose checkpoint has about so many megabytes, on one server of
two: the other one takes its place. A round kills the server when a checkpoint
is committed. Seen: from the kill to the line in the job's log that says so (a
lease). Recovers: from there to the first step beyond the checkpoint: reading
it, placing blocks, workers' first pull, and a step. --output-root: on the disk
that is to be measured (default: the current directory's).
"""

import argparse
import math
import os
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))

# pylint: disable=wrong-import-position
from tests.bench.local_cluster import LocalCluster, print_table  # noqa: E402
from tests.integration import harness  # noqa: E402

NAME = "recovery-bench"
JOB = """name: "recovery-bench"
model { mlp { layer_sizes: [ 784, %d, %d, 10 ] } }
data { idx { directory: "images" } }
optimizer { adam {} }
learning_rate { base: 1e-4 }
schedule { steps: 1000000 global_batch: 8 micro_batches: 2 }
resources { workers: 1 servers: 1 threads_per_worker: 2 }
checkpoint { every_steps: 10 keep_last: 2 }
"""
# Parameters and Adam's two vectors.
BYTES_PER_PARAMETER = 12


def width(megabytes):
    """Of both hidden layers, so that there are as many parameters."""
    parameters = megabytes * 1e6 / BYTES_PER_PARAMETER
    return int((-794 + math.sqrt(794 ** 2 + 4 * parameters)) / 2)


def run_round(binary, megabytes, output_root):
    """(Megabytes of the checkpoint, seconds until the loss is seen, seconds
    from there to the next step)."""
    with tempfile.TemporaryDirectory(prefix="recovery-bench-",
                                     dir=output_root) as directory:
        harness.write_idx(f"{directory}/images", training=2000, validation=8,
                          side=28, classes=10)
        job = os.path.join(directory, "job.textproto")
        with open(job, "w", encoding="utf-8") as file:
            file.write(JOB % (width(megabytes), width(megabytes)))
        with LocalCluster(binary, directory, 1, 2) as cluster:
            cluster.hawser("submit", job)
            cluster.await_that("a checkpoint", lambda: cluster.ask(
                "job", NAME)["checkpoint_step"])
            size = cluster.ask("checkpoints",
                               NAME)["checkpoints"][-1]["bytes"]
            process, node = cluster.node_of("server")
            os.kill(process, signal.SIGKILL)
            lost = time.monotonic()
            cluster.await_line(NAME, f"server {node} was lost")
            seen = time.monotonic()
            line = cluster.await_line(NAME, "rolled back to step")
            step = int(line.split("rolled back to step ")[1].split(",")[0])
            cluster.await_that("a step", lambda: (
                cluster.ask("job", NAME)["incarnation"] and
                cluster.step(NAME) > step))
            return size / 1e6, seen - lost, time.monotonic() - seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="bazel-bin/bin/hawser")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--output-root", default=".")
    arguments = parser.parse_args()
    rounds = []
    for number in range(1, arguments.rounds + 1):
        rounds.append(run_round(arguments.binary, arguments.megabytes,
                                os.path.abspath(arguments.output_root)))
        print("round %d: %.0f MB, seen after %.2f s, recovered in %.2f s" %
              (number, *rounds[-1]), flush=True)
    _, seen, recovered = zip(*rounds)
    print_table([("seen after", seen), ("recovers", recovered),
                 ("recovers, for 500 MB", [500 * seconds / size for
                                           size, _, seconds in rounds])])


if __name__ == "__main__":
    main()
