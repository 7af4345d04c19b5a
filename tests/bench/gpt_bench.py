#!/usr/bin/python3
"""Tokens/s of a small GPT, beside PyTorch, in interleaved runs.

    bazel build //:bin
    tests/bench/gpt_bench.py [--rounds 5] [--pytorch PATH/gpt.py]

The model: 4 layers, width 256, 4 heads, context 128, bytes; AdamW; 16 samples a
step. Hawser: `hawser run`, worker and server processes that share memory; from
the end of the first epoch to the end of the last, validation included.
PyTorch (a program that takes PROCS THREADS BATCH SECONDS and prints "tokens/s
MIN/MEDIAN/MAX"): DDP with two processes of batch 8, and its best single
process: one thread of its own, two of OpenBLAS, batch 16. OPENBLAS_CORETYPE is
taken out of the environment, so that OpenBLAS chooses its fastest kernels.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile

JOB = """name: "gpt-bench"
model { gpt { vocabulary: 256 context: 128 layers: 4 heads: 4 width: 256
              precision: %s } }
data { text { files: "text" validation_share: 0.001 } }
optimizer { adamw {} }
learning_rate { base: 1e-3 }
schedule { epochs: %d global_batch: 16 micro_batches: %d }
resources { workers: %d servers: 1 threads_per_worker: %d }
"""
EPOCH_STEPS = 20
EPOCHS = 5
TOKENS_PER_STEP = 16 * 128
# Name: precision, workers, threads of each.
OURS = {
    "Hawser, 1 worker of 2 threads": ("FLOAT32", 1, 2),
    "Hawser, 2 workers": ("FLOAT32", 2, 1),
    "Hawser, 2 workers, bfloat16": ("BFLOAT16", 2, 1),
}
# Name: processes, threads, OpenBLAS's threads, batch of each.
THEIRS = {
    "PyTorch DDP, 2 processes": (2, 1, 1, 8),
    "PyTorch, 1 process": (1, 1, 2, 16),
}


def environment(**more):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("OPENBLAS_")}
    return {**kept, **more}


def write_text(path):
    with open("/usr/share/common-licenses/GPL-3", "rb") as file:
        text = file.read()
    size = EPOCH_STEPS * TOKENS_PER_STEP + 1 + 128
    with open(path, "wb") as file:
        file.write((text * (size // len(text) + 1))[:size])


def hawser(binary, directory, precision, workers, threads):
    job = os.path.join(directory, "job.textproto")
    with open(job, "w", encoding="utf-8") as file:
        file.write(JOB % (precision, EPOCHS, workers, workers, threads))
    done = subprocess.run(
        [binary, "run", job, "-o", "json", "--output-root", directory,
         "--data-root", directory],
        capture_output=True, text=True, check=True, env=environment())
    epochs = json.loads(done.stdout)["epochs_done"]
    seconds = epochs[-1]["seconds"] - epochs[0]["seconds"]
    return (EPOCHS - 1) * EPOCH_STEPS * TOKENS_PER_STEP / seconds


def pytorch(program, processes, threads, blas_threads, batch):
    done = subprocess.run(
        ["/usr/bin/python3", program, str(processes), str(threads),
         str(batch), "1"],
        capture_output=True, text=True, check=True,
        cwd=os.path.dirname(program), env=environment(OB=str(blas_threads)))
    return float(re.search(r"tokens/s [^/]+/([^/]+)/", done.stdout)[1])


def spread(values):
    return (f"{min(values):.4g} / {statistics.median(values):.4g} / "
            f"{max(values):.4g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hawser", default="bazel-bin/bin/hawser")
    parser.add_argument("--pytorch", help="program to measure beside")
    arguments = parser.parse_args()
    ours = {name: [] for name in OURS}
    theirs = {name: [] for name in THEIRS}
    with tempfile.TemporaryDirectory() as directory:
        write_text(os.path.join(directory, "text"))
        for _ in range(arguments.rounds):
            for name, setting in OURS.items():
                ours[name].append(hawser(arguments.hawser, directory, *setting))
            if not arguments.pytorch:
                continue
            for name, setting in THEIRS.items():
                theirs[name].append(
                    pytorch(os.path.abspath(arguments.pytorch), *setting))
    print("| tokens/s, min / median / max | |" +
          "".join(f" to {name} |" for name in theirs))
    print("|---|---|" + "---|" * len(theirs))
    for name, values in ours.items():
        ratios = [[our / their for our, their in zip(values, others)]
                  for others in theirs.values() if others]
        print(f"| {name} | {spread(values)} |" +
              "".join(f" {spread(ratio)} |" for ratio in ratios))
    for name, values in theirs.items():
        if values:
            print(f"| {name} | {spread(values)} |" + " |" * len(theirs))


if __name__ == "__main__":
    main()
