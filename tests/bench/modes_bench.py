#!/usr/bin/python3
"""Every update mode on MNIST: accuracy, steps, bytes moved and seconds.

    bazel build //:bin
    tests/bench/modes_bench.py --data-root DIRECTORY [--epochs 10] [--seeds 0,1]
        [--modes NAME,...] [--keep DIRECTORY]

One model, batch and number of epochs for all modes, four worker processes and
two servers over TCP on loopback, one run at a time, the modes in turn for each
seed. Prints a table in Markdown, the mean over the seeds but for the accuracy,
which is told of each seed, and says which modes end more than 0.5 points below
SYNCHRONOUS with the same seed: the exit code is 1 if one does.

optimizer steps   of `optimizer`, through all epochs: what a micro-batch takes
                  part in
exchanges         steps between workers and servers: fewer with local steps. On
                  arrival a step's micro-batches come in several pushes
bytes             payloads and headers of all workers' frames, both directions
seconds           from the first step to the last, validations included
"""

import argparse
import glob
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

JOB = """name: "modes-bench"
model { mlp { layer_sizes: [ 784, 128, 10 ] } }
data { idx {} }
placement { block_elements: 16384 }
resources { workers: 4 servers: 2 }
"""
GLOBAL_BATCH = 64
ALLOWED_POINTS = 0.5

ADAM = "optimizer { adam {} } learning_rate { base: 0.001 }"
# Local steps, as in DiLoCo but for the inner optimizer: its state is fresh at
# every exchange, which suits plain SGD.
LOCAL = "optimizer { sgd {} } learning_rate { base: 0.05 }"
OUTER = "outer { learning_rate: 0.7 momentum: 0.9 nesterov: true }"
# What those come to where every step is an exchange: 0.05 * 0.7.
LOCAL_OF_ONE = ("optimizer { sgd { momentum: 0.9 nesterov: true } } "
                "learning_rate { base: 0.035 }")
DYNAMIC = "scheduling { policy: DYNAMIC }"


def synchronisation(settings):
    return f"synchronisation {{ {settings} }}"


# Name on the command line: what the table says, what the job says.
MODES = {
    "synchronous": ("SYNCHRONOUS", (ADAM,)),
    "synchronous-dynamic": ("SYNCHRONOUS, DYNAMIC", (ADAM, DYNAMIC)),
    "bounded": (
        "BOUNDED_STALENESS, 4 clocks",
        (ADAM, synchronisation("mode: BOUNDED_STALENESS staleness: 4"))),
    "bounded-dynamic": (
        "BOUNDED_STALENESS, 4 clocks, DYNAMIC",
        (ADAM, synchronisation("mode: BOUNDED_STALENESS staleness: 4"),
         DYNAMIC)),
    "window": (
        "BOUNDED_STALENESS, 5 ms",
        (ADAM,
         synchronisation("mode: BOUNDED_STALENESS staleness_seconds: 0.005"))),
    "asynchronous": (
        "ASYNCHRONOUS", (ADAM, synchronisation("mode: ASYNCHRONOUS"))),
    "asynchronous-dynamic": (
        "ASYNCHRONOUS, DYNAMIC",
        (ADAM, synchronisation("mode: ASYNCHRONOUS"), DYNAMIC)),
    "scaled": (
        "ASYNCHRONOUS, scaled by staleness",
        (ADAM,
         synchronisation("mode: ASYNCHRONOUS scale_by_staleness: true"))),
    "local-1": ("SYNCHRONOUS, H = 1, SGD", (LOCAL_OF_ONE,)),
    "local-8": (
        "SYNCHRONOUS, H = 8",
        (LOCAL, synchronisation(f"local_steps: 8 {OUTER}"))),
    "local-32": (
        "SYNCHRONOUS, H = 32",
        (LOCAL, synchronisation(f"local_steps: 32 {OUTER}"))),
    "local-8-asynchronous": (
        "ASYNCHRONOUS, H = 8",
        (LOCAL, synchronisation(f"mode: ASYNCHRONOUS local_steps: 8 {OUTER}"))),
}


def job_text(mode, epochs, seed):
    schedule = (f"schedule {{ epochs: {epochs} global_batch: {GLOBAL_BATCH} "
                "micro_batches: 8 }")
    return "\n".join((JOB + schedule, f"seed: {seed}", *MODES[mode][1], ""))


def bytes_moved(log_directory):
    total = 0
    for path in glob.glob(os.path.join(log_directory, "worker-*.log")):
        with open(path, encoding="utf-8") as log:
            runs = re.findall(r"sent (\d+) bytes, received (\d+) bytes",
                              log.read())
        if not runs:
            sys.exit(f"{path} does not tell the bytes moved")
        total += sum(int(sent) + int(received) for sent, received in runs)
    return total


def run(arguments, mode, seed, directory):
    job = os.path.join(directory, f"{mode}-{seed}.textproto")
    with open(job, "w", encoding="utf-8") as file:
        file.write(job_text(mode, arguments.epochs, seed))
    # The logs go into TMPDIR.
    done = subprocess.run(
        [arguments.hawser, "run", job, "-o", "json", "--keep-logs",
         "--data-root", arguments.data_root, "--output-root", directory],
        capture_output=True, text=True, check=False,
        env={**os.environ, "TMPDIR": directory})
    if done.returncode != 0:
        sys.exit(f"{mode}, seed {seed}: {done.stderr}")
    status = json.loads(done.stdout)
    samples = status["epochs_done"][0]["training"]["samples"]
    return {
        "accuracy": 100 * status["epochs_done"][-1]["validation"]["accuracy"],
        "optimizer_steps": arguments.epochs * -(-samples // GLOBAL_BATCH),
        "exchanges": status["total_steps"],
        "bytes": bytes_moved(re.search(r"^logs: (.*)$", done.stderr,
                                       re.MULTILINE)[1]),
        "seconds": status["seconds_running"],
    }


def print_table(results):
    print("| mode | validation accuracy | optimizer steps | exchanges | "
          "bytes moved | seconds |")
    print("|---|---|---|---|---|---|")
    for mode, by_seed in results.items():
        runs = list(by_seed.values())
        mean = {key: statistics.mean(run[key] for run in runs)
                for key in runs[0]}
        accuracies = " / ".join(f"{run['accuracy']:.2f}" for run in runs)
        print(f"| {MODES[mode][0]} | {accuracies} | "
              f"{mean['optimizer_steps']:,.0f} | {mean['exchanges']:,.0f} | "
              f"{mean['bytes'] / 1e9:.2f} GB | {mean['seconds']:.1f} |")


def too_low(results):
    """Modes and seeds that end too far below SYNCHRONOUS."""
    reference = results.get("synchronous", {})
    for mode, by_seed in results.items():
        for seed, measured in by_seed.items():
            if seed not in reference:
                continue
            points = measured["accuracy"] - reference[seed]["accuracy"]
            if points < -ALLOWED_POINTS:
                yield f"{mode}, seed {seed}: {points:+.2f} points"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data-root", required=True,
                        help="where MNIST's four files are")
    parser.add_argument("--hawser", default="bazel-bin/bin/hawser")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--modes", default=",".join(MODES),
                        help="some of: " + ", ".join(MODES))
    parser.add_argument("--keep", help="directory for job files, logs and "
                        "checkpoints, instead of a temporary one")
    arguments = parser.parse_args()
    modes = arguments.modes.split(",")
    for mode in modes:
        if mode not in MODES:
            parser.error(f"no mode {mode}; there are {', '.join(MODES)}")
    results = {mode: {} for mode in modes}
    with tempfile.TemporaryDirectory() as temporary:
        directory = os.path.abspath(arguments.keep or temporary)
        os.makedirs(directory, exist_ok=True)
        for seed in map(int, arguments.seeds.split(",")):
            for mode in modes:
                results[mode][seed] = run(arguments, mode, seed, directory)
                print(f"{mode}, seed {seed}: {results[mode][seed]}",
                      file=sys.stderr)
    print_table(results)
    failures = list(too_low(results))
    for failure in failures:
        print(f"too low: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
