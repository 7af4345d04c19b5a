#!/usr/bin/python3
"""How long a job stands still when a server is killed whose blocks another has.

    bazel build //:bin
    tests/bench/replica_hand_over_bench.py [--rounds 5] [--lease-ms 2000]

The model: a GPT of some 7.4 million parameters with AdamW on two servers with
`replicas: 2`, two workers of one thread; `hawser up`. A round kills a server in
the middle of the job. Stands still: from the kill to the first step that is
made after it, as the scheduler is told of it. Lost: steps that had been told
and are made again.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time

JOB = """name: "hand-over-bench"
model { gpt { vocabulary: 256 context: 64 layers: 9 heads: 4 width: 256 } }
data { text { files: "text" validation_share: 0.001 } }
optimizer { adamw {} }
learning_rate { base: 1e-3 }
schedule { steps: 100000 global_batch: 8 }
resources { workers: 2 servers: 2 replicas: 2 }
"""
BEFORE = 10  # steps until the kill


class Cluster:
    """`hawser up`, and commands to it."""

    def __init__(self, binary, directory, lease_ms):
        self.binary, self.directory = binary, directory
        self.state = os.path.join(directory, "state")
        self.hawser("up", "--state-dir", self.state, "--listen", "127.0.0.1:0",
                    "--workers", "2", "--servers", "2", "--data-root",
                    directory, "--output-root", os.path.join(directory, "out"),
                    "--lease-ms", str(lease_ms), "--heartbeat-ms",
                    str(lease_ms // 5))
        with open(f"{self.state}/address", encoding="utf-8") as file:
            self.scheduler = file.read()

    def hawser(self, *arguments):
        return subprocess.run([self.binary, *arguments], check=True,
                              capture_output=True, text=True).stdout

    def ask(self, *arguments):
        return json.loads(self.hawser(*arguments, "-o", "json", "--scheduler",
                                      self.scheduler))

    def step(self):
        return self.ask("job", "hand-over-bench")["step"]

    def await_step(self, step):
        """The first step told that is at least this one."""
        while True:
            now = self.step()
            if now >= step:
                return now

    def down(self):
        self.hawser("down", "--state-dir", self.state)


def run_round(binary, lease_ms):
    """(Seconds that the job stood still, steps lost)."""
    with tempfile.TemporaryDirectory() as directory:
        with open("/usr/share/common-licenses/GPL-3", "rb") as file:
            text = file.read()
        with open(os.path.join(directory, "text"), "wb") as file:
            file.write(text * 8)
        job = os.path.join(directory, "job.textproto")
        with open(job, "w", encoding="utf-8") as file:
            file.write(JOB)
        cluster = Cluster(binary, directory, lease_ms)
        try:
            cluster.hawser("submit", job, "--scheduler", cluster.scheduler)
            cluster.await_step(BEFORE)
            server = next(node for node in cluster.ask("nodes")
                          if node["role"] == "server")
            os.kill(server["process"], signal.SIGKILL)
            killed = time.monotonic()
            # What it had told may still be on its way.
            time.sleep(0.2)
            before = after = cluster.step()
            while after == before:
                after = cluster.step()
            return time.monotonic() - killed, max(0, before - after)
        finally:
            cluster.down()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default="bazel-bin/bin/hawser")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lease-ms", type=int, default=2000)
    arguments = parser.parse_args()
    seconds, lost = [], []
    for number in range(1, arguments.rounds + 1):
        still, steps = run_round(arguments.binary, arguments.lease_ms)
        seconds.append(still)
        lost.append(steps)
        print(f"round {number}: stood still for {still:.2f} s, {steps} steps "
              "lost", flush=True)
    print(f"stands still for {min(seconds):.2f} / "
          f"{statistics.median(seconds):.2f} / {max(seconds):.2f} s (min, "
          f"median, max), at most {max(lost)} steps lost")


if __name__ == "__main__":
    main()
