#!/usr/bin/python3
"""Samples/s of the 784-128-10 MLP, beside PyTorch, in interleaved runs.

    bazel build //:bin
    tests/bench/mlp_bench.py [--rounds 5] [--pytorch PATH/mlp.py]

Hawser: `hawser run`, two worker processes and one server process that share
memory, global batch 128 in two micro-batches of 64, Adam, Fashion-MNIST; from
the end of the first epoch to the end of the last, validation included.
PyTorch (a program that takes PROCS THREADS BATCH and prints "samples/s
MIN/MEDIAN/MAX"): DDP with two processes of batch 64, and its best single process,
which has one thread (two pools of threads at once are slower here).
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile

JOB = """name: "mlp-bench"
model { mlp { layer_sizes: [ 784, 128, 10 ] } }
data { idx { directory: "/usr/share/datasets/fashion-mnist" } }
optimizer { adam {} }
learning_rate { base: 0.001 }
schedule { epochs: 16 global_batch: 128 micro_batches: 2 }
resources { workers: 2 servers: 1 }
"""
TRAINING_SAMPLES = 60000


def hawser(binary, directory):
    job = os.path.join(directory, "job.textproto")
    with open(job, "w", encoding="utf-8") as file:
        file.write(JOB)
    done = subprocess.run(
        [binary, "run", job, "-o", "json", "--output-root", directory],
        capture_output=True, text=True, check=True)
    epochs = json.loads(done.stdout)["epochs_done"]
    seconds = epochs[-1]["seconds"] - epochs[0]["seconds"]
    return (len(epochs) - 1) * TRAINING_SAMPLES / seconds


def pytorch(program, processes, threads):
    done = subprocess.run(
        ["/usr/bin/python3", program, str(processes), str(threads), "64"],
        capture_output=True, text=True, check=True,
        cwd=os.path.dirname(program))
    return float(re.search(r"samples/s [^/]+/([^/]+)/", done.stdout)[1])


def spread(values):
    return (f"{min(values):.4g} / {statistics.median(values):.4g} / "
            f"{max(values):.4g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hawser", default="bazel-bin/bin/hawser")
    parser.add_argument("--pytorch", help="program to measure beside")
    arguments = parser.parse_args()
    ours, theirs = [], {}
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(arguments.rounds):
            ours.append(hawser(arguments.hawser, directory))
            if not arguments.pytorch:
                continue
            for name, setting in (("PyTorch DDP, 2 processes", (2, 1)),
                                  ("PyTorch, 1 process", (1, 1))):
                theirs.setdefault(name, []).append(
                    pytorch(os.path.abspath(arguments.pytorch), *setting))
    print(f"samples/s, min / median / max of {arguments.rounds} rounds")
    print(f"{'Hawser, 2 workers, 1 server':34}{spread(ours)}")
    for name, values in theirs.items():
        ratios = [our / their for our, their in zip(ours, values)]
        print(f"{name:34}{spread(values)}   Hawser is {spread(ratios)} times")


if __name__ == "__main__":
    main()
