#!/usr/bin/python3
"""A GPT job over a slow link: what overlap, priority and each codec give.

    bazel build //:bin
    sudo tests/bench/link_bench.py --text FILE [--rate 1gbit] [--steps 60]
        [--rounds 3] [--codecs NAME,...] [--build NAME=DIRECTORY]...

Scheduler and server on one host, two workers each on one of their own: network
namespaces on a bridge, every host's link held to the rate in both directions.
The job: 4 layers, width 256, 4 heads, context 128, bytes; AdamW; 16 samples a
step. For each build and codec, in turn, round by round: seconds a step without
the first epoch, bytes that the workers sent and received a step, and the
validation loss after the same steps. --build compares with another build's
binaries, for instance one of before a change; the first is the one of the
ratios. Needs root, ip and tc; leaves nothing behind.
"""

import argparse
import contextlib
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

JOB = """name: "link-bench"
model { gpt { vocabulary: 256 context: 128 layers: 4 heads: 4 width: 256 } }
data { text { files: "text" validation_share: 0.05 } }
optimizer { adamw {} clip_global_norm: 1 }
learning_rate { base: 1e-3 }
schedule { epochs: %d global_batch: 16 micro_batches: 2 }
resources { workers: 2 servers: 1 threads_per_worker: 1 }
%s
"""
EPOCHS = 3
# What the job says of the data plane, by name.
CODECS = {
    "none": "",
    "bf16": ("data_plane { push { codec: 'bf16' } "
            "pull { codec: 'bf16' } }"),
    "fp16": ("data_plane { push { codec: 'fp16' } "
            "pull { codec: 'fp16' } }"),
    "int8": ("data_plane { push { codec: 'int8' } "
            "pull { codec: 'bf16' } }"),
    "top_k": ("data_plane { push { codec: 'top_k' } "
             "pull { codec: 'bf16' } }"),
    "one_bit": ("data_plane { push { codec: 'one_bit' } "
               "pull { codec: 'bf16' } }"),
}
HOSTS = ("server", "worker0", "worker1")
PREFIX = "hawser-link-"
DEADLINE = 30


def command(*words, check=True):
    subprocess.run(words, check=check, capture_output=not check)


def on(host):
    return ("ip", "netns", "exec", PREFIX + host)


def limit(device, rate, prefix=()):
    command(*prefix, "tc", "qdisc", "add", "dev", device, "root", "tbf", "rate",
            rate, "burst", "128kb", "latency", "50ms")


@contextlib.contextmanager
def network(rate):
    """Hosts 10.77.0.1, .2, .3 on a switch of their own."""
    names = HOSTS + ("switch",)
    for name in names:
        command("ip", "netns", "del", PREFIX + name, check=False)
    try:
        for name in names:
            command("ip", "netns", "add", PREFIX + name)
            command(*on(name), "ip", "link", "set", "lo", "up")
        command(*on("switch"), "ip", "link", "add", "bridge", "type", "bridge")
        command(*on("switch"), "ip", "link", "set", "bridge", "up")
        for number, host in enumerate(HOSTS):
            port = f"port{number}"
            command("ip", "link", "add", "eth0", "netns", PREFIX + host, "type",
                    "veth", "peer", "name", port, "netns", PREFIX + "switch")
            command(*on(host), "ip", "address", "add", f"10.77.0.{number + 1}/24",
                    "dev", "eth0")
            command(*on(host), "ip", "link", "set", "eth0", "up")
            command(*on("switch"), "ip", "link", "set", port, "master", "bridge",
                    "up")
            limit("eth0", rate, on(host))
            limit(port, rate, on("switch"))
        yield
    finally:
        for name in names:
            command("ip", "netns", "del", PREFIX + name, check=False)


@contextlib.contextmanager
def cluster(build, directory):
    """Daemons of this build; yields the scheduler's address."""
    processes = []

    def start(host, program, *arguments):
        log = open(os.path.join(directory, f"{host}-{program}.log"), "wb")
        processes.append(subprocess.Popen(
            [*on(host), os.path.join(build, program), *arguments], stdout=log,
            stderr=log))

    address = "10.77.0.1:7070"
    try:
        start("server", "hawser-scheduler", "--listen", address, "--state-dir",
              os.path.join(directory, "state"), "--allow-insecure-network")
        start("server", "hawser-server", "--scheduler", address, "--listen",
              "10.77.0.1:0", "--output-root", directory,
              "--allow-insecure-network")
        for host in HOSTS[1:]:
            start(host, "hawser-worker", "--scheduler", address, "--data-root",
                  directory)
        yield address
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def client(build, address, *arguments):
    return subprocess.run(
        [*on("server"), os.path.join(build, "hawser"), *arguments,
         "--scheduler", address, "-o", "json"],
        capture_output=True, text=True, check=False)


def await_members(build, address):
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        nodes = client(build, address, "nodes")
        if nodes.returncode == 0 and nodes.stdout.count('"address"') >= 3:
            return
        time.sleep(0.2)
    sys.exit("the cluster did not come up")


def bytes_moved(directory):
    total = 0
    for path in glob.glob(os.path.join(directory, "*-hawser-worker.log")):
        with open(path, encoding="utf-8") as log:
            for sent, received in re.findall(
                    r"sent (\d+) bytes, received (\d+) bytes", log.read()):
                total += int(sent) + int(received)
    return total


def run(build, job_text):
    with tempfile.TemporaryDirectory() as directory:
        return measure(build, job_text, directory)


def measure(build, job_text, directory):
    job = os.path.join(directory, "job.textproto")
    with open(job, "w", encoding="utf-8") as file:
        file.write(job_text)
    shutil.copy(measure.text, os.path.join(directory, "text"))
    with cluster(build, directory) as address:
        await_members(build, address)
        done = client(build, address, "submit", job, "--watch")
        if done.returncode != 0:
            sys.exit(done.stderr)
    status = json.loads(done.stdout)
    epochs = status["epochs_done"]
    steps = status["total_steps"]
    return {
        "seconds": (epochs[-1]["seconds"] - epochs[0]["seconds"]) /
                   (steps * (EPOCHS - 1) / EPOCHS),
        "megabytes": bytes_moved(directory) / steps / 1e6,
        "loss": epochs[-1]["validation"]["loss"],
    }


def spread(values):
    return (f"{min(values):.4g} / {statistics.median(values):.4g} / "
            f"{max(values):.4g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--text", required=True)
    parser.add_argument("--rate", default="1gbit")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--codecs", default=",".join(CODECS))
    parser.add_argument("--build", action="append", metavar="NAME=DIRECTORY")
    arguments = parser.parse_args()
    builds = dict(each.split("=", 1)
                  for each in arguments.build or ["this=bazel-bin/bin"])
    builds = {name: os.path.abspath(path) for name, path in builds.items()}
    steps = -(-arguments.steps // EPOCHS)
    samples = steps * 16 * 128 + 1 + 128
    with tempfile.NamedTemporaryFile() as text, network(arguments.rate):
        with open(arguments.text, "rb") as file:
            text.write(file.read(int(samples / 0.95) + 1))
        text.flush()
        measure.text = text.name
        settings = [(build, codec) for codec in arguments.codecs.split(",")
                    for build in builds if codec == "none" or
                    build == next(iter(builds))]
        results = {setting: [] for setting in settings}
        for _ in range(arguments.rounds):
            for build, codec in settings:
                results[build, codec].append(
                    run(builds[build], JOB % (EPOCHS, CODECS[codec])))
    base = results[settings[0]]
    print(f"| build, codec at {arguments.rate} | seconds a step, min / median /"
          " max | of the first's | MB a step | validation loss |")
    print("|---|---|---|---|---|")
    for (build, codec), runs in results.items():
        ratio = [one["seconds"] / other["seconds"]
                 for one, other in zip(runs, base)]
        print(f"| {build}, {codec} | {spread([r['seconds'] for r in runs])} | "
              f"{spread(ratio)} | "
              f"{statistics.median(r['megabytes'] for r in runs):.4g} | "
              f"{statistics.median(r['loss'] for r in runs):.4f} |")


if __name__ == "__main__":
    main()
