#!/usr/bin/python3
"""Throughput with one of four workers five times as slow, in every mode.

    bazel build //:bin
    tests/bench/straggler_bench.py [--rounds 3] [--delay-ms 20] [--steps 40]
    tests/bench/straggler_bench.py --checkpoint-steps 10 [...]

Each worker waits after every micro-batch (--micro-batch-delay-ms), so that its
speed is known and two cores suffice. The ideal is the sum of the workers'
speeds: what they would do if none ever waited for another, nor for the network.
Prints a table in Markdown: samples/s as a share of the ideal, min / median /
max over the rounds, with the straggler and without, and without it the ratio to
SYNCHRONOUS, STATIC of the same round. Data is made up; the MLP is MNIST's.

With --checkpoint-steps: the modes in which pushes are applied on arrival, where
fast workers wait for slow ones at the step of each checkpoint; each without
checkpoints and with one every so many steps, and the ratio is that of the two.
"""

import argparse
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time

WORKERS = 4
SLOWER = 5
MICRO_BATCHES = 32
GLOBAL_BATCH = 128
JOB = """name: "straggler"
model { mlp { layer_sizes: [ 784, 128, 10 ] } }
data { idx {} }
optimizer { sgd {} }
learning_rate { base: 0.01 }
schedule { steps: %d global_batch: %d micro_batches: %d }
placement { block_elements: 65536 }
resources { workers: %d servers: 1 }
%s
"""
DYNAMIC = "scheduling { policy: DYNAMIC }"
MODES = (
    ("SYNCHRONOUS, STATIC", ""),
    ("SYNCHRONOUS, DYNAMIC, backups", DYNAMIC),
    ("BOUNDED_STALENESS 4, DYNAMIC",
     "synchronisation { mode: BOUNDED_STALENESS staleness: 4 } " + DYNAMIC),
    ("ASYNCHRONOUS, DYNAMIC",
     "synchronisation { mode: ASYNCHRONOUS } " + DYNAMIC),
)
ON_ARRIVAL = MODES[2:] + (
    ("ASYNCHRONOUS, STATIC", "synchronisation { mode: ASYNCHRONOUS }"),
)


def with_checkpoints(steps):
    """Each mode on arrival, and after it the same with checkpoints."""
    modes = []
    for name, settings in ON_ARRIVAL:
        modes.append((name, settings))
        modes.append((f"{name}, a checkpoint every {steps} steps",
                      f"{settings} checkpoint {{ every_steps: {steps} }}"))
    return tuple(modes)


def write_data(directory, samples):
    rng = random.Random(1)
    for prefix, count in (("train", samples), ("t10k", 10)):
        with open(f"{directory}/{prefix}-images-idx3-ubyte", "wb") as file:
            file.write(struct.pack(">IIII", 0x803, count, 28, 28))
            file.write(rng.randbytes(784 * count))
        with open(f"{directory}/{prefix}-labels-idx1-ubyte", "wb") as file:
            file.write(struct.pack(">II", 0x801, count))
            file.write(bytes(rng.randrange(10) for _ in range(count)))


class Cluster:
    """A scheduler, a server and workers of their own delays."""

    def __init__(self, binaries, directory, delays_ms):
        self.processes = []
        port_file = f"{directory}/port"
        self.start(f"{binaries}/hawser-scheduler", "--listen", "127.0.0.1:0",
                   "--state-dir", f"{directory}/state", "--port-file",
                   port_file)
        while not os.path.exists(port_file):
            time.sleep(0.01)
        with open(port_file, encoding="utf-8") as file:
            self.scheduler = file.read()
        self.start(f"{binaries}/hawser-server", "--scheduler", self.scheduler,
                   "--output-root", f"{directory}/output")
        for delay in delays_ms:
            self.start(f"{binaries}/hawser-worker", "--scheduler",
                       self.scheduler, "--data-root", f"{directory}/data",
                       "--micro-batch-delay-ms", str(delay))

    def start(self, *command):
        self.processes.append(
            subprocess.Popen(command, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


def measure(arguments, settings, delays_ms):
    """Samples a second of one job on a fresh cluster."""
    with tempfile.TemporaryDirectory() as directory:
        os.makedirs(f"{directory}/data")
        os.makedirs(f"{directory}/output")
        write_data(f"{directory}/data", GLOBAL_BATCH * arguments.steps)
        job = f"{directory}/straggler.textproto"
        with open(job, "w", encoding="utf-8") as file:
            file.write(JOB % (arguments.steps, GLOBAL_BATCH, MICRO_BATCHES,
                              WORKERS, settings))
        hawser = f"{arguments.binaries}/hawser"
        with Cluster(arguments.binaries, directory, delays_ms) as cluster:
            at = ("--scheduler", cluster.scheduler)
            subprocess.run((hawser, "submit", job, *at), check=True,
                           stdout=subprocess.DEVNULL)
            done = subprocess.run(
                (hawser, "wait", "straggler", "-o", "json", *at), check=True,
                stdout=subprocess.PIPE)
        seconds = json.loads(done.stdout)["seconds_running"]
        return GLOBAL_BATCH * arguments.steps / seconds


def ideal(delays_ms):
    per_micro_batch = GLOBAL_BATCH / MICRO_BATCHES
    return sum(1000 * per_micro_batch / delay for delay in delays_ms)


def spread(values):
    return (f"{min(values):.2f} / {statistics.median(values):.2f} / "
            f"{max(values):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delay-ms", type=float, default=20)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--checkpoint-steps", type=int, default=0)
    parser.add_argument("--binaries", default="bazel-bin/bin")
    arguments = parser.parse_args()
    checkpoint_steps = arguments.checkpoint_steps
    modes = with_checkpoints(checkpoint_steps) if checkpoint_steps else MODES
    even = [arguments.delay_ms] * WORKERS
    straggling = even[:-1] + [SLOWER * arguments.delay_ms]
    shares = {name: ([], [], []) for name, _ in modes}
    for number in range(arguments.rounds):
        baseline = None
        for index, (name, settings) in enumerate(modes):
            with_straggler = measure(arguments, settings, straggling)
            without = measure(arguments, settings, even)
            compared = with_straggler if checkpoint_steps else without
            if index == 0 or checkpoint_steps and index % 2 == 0:
                baseline = compared
            slow, fast, ratio = shares[name]
            slow.append(with_straggler / ideal(straggling))
            fast.append(without / ideal(even))
            ratio.append(compared / baseline)
            print(f"round {number + 1}, {name}: {slow[-1]:.3f}, without "
                  f"{fast[-1]:.3f}, ratio {ratio[-1]:.3f}", file=sys.stderr)
    compared = ("with it, to no checkpoints" if checkpoint_steps
                else "without, to SYNCHRONOUS, STATIC")
    print(f"| mode | with the straggler | without | {compared} |")
    print("|---|---|---|---|")
    for name, (slow, fast, ratio) in shares.items():
        print(f"| {name} | {spread(slow)} | {spread(fast)} | {spread(ratio)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
