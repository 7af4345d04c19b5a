#!/usr/bin/python3
"""What checkpoints cost: a job with against the same job without, interleaved.

    bazel build //:bin
    tests/bench/checkpoint_bench.py [--rounds 5] [--output-root DIR]
        [--ways "none,every 100 steps"]

The model: a GPT of some 7.4 million parameters (30 MB) with AdamW, so that a
checkpoint has 90 MB; `hawser run`, one worker of two threads and one server. A
time is from the end of the first epoch to the end of the last but one, after
which no checkpoint is due. --output-root: on the disk that is to be measured
(default: the current directory's).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))

# pylint: disable=wrong-import-position
from tests.bench.local_cluster import print_table  # noqa: E402

JOB = """name: "checkpoint-bench"
model { gpt { vocabulary: 256 context: 128 layers: 9 heads: 4 width: 256 } }
data { text { files: "text" validation_share: 0.001 } }
optimizer { adamw {} }
learning_rate { base: 1e-3 }
schedule { epochs: %d global_batch: 16 }
resources { workers: 1 servers: 1 threads_per_worker: 2 }
checkpoint { %s }
"""
EPOCH_STEPS = 50
EPOCHS = 6
STEP_TOKENS = 16 * 128
WAYS = {
    "none": "",
    "every 100 steps": "every_steps: 100 keep_last: 2",
    "every 10 s": "every_seconds: 10 keep_last: 2",
}


def write_text(path):
    with open("/usr/share/common-licenses/GPL-3", "rb") as file:
        text = file.read()
    size = EPOCH_STEPS * STEP_TOKENS + 1 + 128
    with open(path, "wb") as file:
        file.write((text * (size // len(text) + 1))[:size])


def run(binary, data, output_root, checkpoint):
    """(Seconds a step, checkpoints besides the last, skipped ones)."""
    job = os.path.join(data, "job.textproto")
    with open(job, "w", encoding="utf-8") as file:
        file.write(JOB % (EPOCHS, checkpoint))
    output = tempfile.mkdtemp(prefix="checkpoint-bench-", dir=output_root)
    try:
        done = subprocess.run(
            [binary, "run", job, "-o", "json", "--output-root", output,
             "--data-root", data],
            capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        epochs = found["epochs_done"]
        seconds = epochs[-2]["seconds"] - epochs[0]["seconds"]
        return (seconds / ((EPOCHS - 2) * EPOCH_STEPS),
                len(os.listdir(os.path.join(output, "checkpoint-bench"))),
                found["checkpoints_skipped"])
    finally:
        shutil.rmtree(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="bazel-bin/bin/hawser")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output-root", default=".")
    parser.add_argument("--ways", default=",".join(WAYS),
                        help="the first is what the others are compared with")
    arguments = parser.parse_args()
    times = {name: [] for name in arguments.ways.split(",")}
    with tempfile.TemporaryDirectory() as data:
        write_text(os.path.join(data, "text"))
        for number in range(1, arguments.rounds + 1):
            for name, runs in times.items():
                seconds, kept, skipped = run(arguments.binary, data,
                                             arguments.output_root, WAYS[name])
                runs.append(seconds)
                print(f"round {number}, {name}: {1000 * seconds:.2f} ms a "
                      f"step, {kept} kept, {skipped} skipped", flush=True)
    base, *others = times
    print_table([
        (name, [100 * (w / o - 1) for w, o in zip(times[name], times[base])])
        for name in others], unit="% of a step")


if __name__ == "__main__":
    main()
