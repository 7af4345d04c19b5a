#!/usr/bin/python3
"""What checkpoints cost: a job with against the same job without, interleaved.

    bazel build //:bin
    tests/bench/checkpoint_bench.py [--rounds 5] [--output-root DIR]
        [--ways "none,every 100 steps"]
    tests/bench/checkpoint_bench.py --within [--rounds 5] [--output-root DIR]

The model: a GPT of some 7.4 million parameters (30 MB) with AdamW, so that a
checkpoint has 90 MB; `hawser run`, one worker of two threads and one server. A
time is from the end of the first epoch to the end of the last but one, after
which no checkpoint is due. --output-root: on the disk that is to be measured
(default: the current directory's).

Runs differ by more than a checkpoint costs where the machine is not one's own.
--within compares inside of one run, a round each: an epoch has 50 steps, and
every second one begins with a checkpoint, which is written meanwhile; it is
compared with the mean of those before and after.
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
EPOCHS_WITHIN = 10
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


def run(binary, data, output_root, checkpoint, epochs=EPOCHS):
    """(Seconds from the job's start to each epoch's end, checkpoints that are
    kept, skipped ones)."""
    job = os.path.join(data, "job.textproto")
    with open(job, "w", encoding="utf-8") as file:
        file.write(JOB % (epochs, checkpoint))
    output = tempfile.mkdtemp(prefix="checkpoint-bench-", dir=output_root)
    try:
        done = subprocess.run(
            [binary, "run", job, "-o", "json", "--output-root", output,
             "--data-root", data],
            capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        return ([epoch["seconds"] for epoch in found["epochs_done"]],
                len(os.listdir(os.path.join(output, "checkpoint-bench"))),
                found["checkpoints_skipped"])
    finally:
        shutil.rmtree(output)


def between_runs(arguments, data):
    times = {name: [] for name in arguments.ways.split(",")}
    for number in range(1, arguments.rounds + 1):
        for name, runs in times.items():
            ends, kept, skipped = run(arguments.binary, data,
                                      arguments.output_root, WAYS[name])
            runs.append((ends[-2] - ends[0]) / ((EPOCHS - 2) * EPOCH_STEPS))
            print(f"round {number}, {name}: {1000 * runs[-1]:.2f} ms a "
                  f"step, {kept} kept, {skipped} skipped", flush=True)
    base, *others = times
    print_table([
        (name, [100 * (w / o - 1) for w, o in zip(times[name], times[base])])
        for name in others], unit="% of a step")


def within_runs(arguments, data):
    costs = []
    for number in range(1, arguments.rounds + 1):
        ends, _, skipped = run(arguments.binary, data, arguments.output_root,
                               WAYS["every 100 steps"], EPOCHS_WITHIN)
        took = [end - begin for begin, end in zip(ends, ends[1:])]
        print(f"round {number}: epochs from the second on "
              f"{' '.join(f'{seconds:.2f}' for seconds in took)} s, {skipped} "
              "skipped", flush=True)
        # took[0] has no checkpoint, took[1] begins with one.
        for i in range(1, len(took) - 1, 2):
            without = (took[i - 1] + took[i + 1]) / 2
            # It is paid for once in two epochs.
            costs.append(100 * (took[i] / without - 1) / 2)
    print_table([("every 100 steps", costs)], unit="% of a step")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="bazel-bin/bin/hawser")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output-root", default=".")
    parser.add_argument("--ways", default=",".join(WAYS),
                        help="the first is what the others are compared with")
    parser.add_argument("--within", action="store_true")
    arguments = parser.parse_args()
    compare = within_runs if arguments.within else between_runs
    with tempfile.TemporaryDirectory() as data:
        write_text(os.path.join(data, "text"))
        compare(arguments, data)


if __name__ == "__main__":
    main()
