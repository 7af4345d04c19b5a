"""`hawser up` for a measurement, commands to it, and a table of what it gave.

    with LocalCluster(binary, directory, workers=2, servers=2) as cluster:
        cluster.hawser("submit", job)
        cluster.await_step("name", 10)
        os.kill(cluster.process_of("server"), signal.SIGKILL)
    print_table([("seconds to recover", [1.2, 1.4, 1.3])])
"""

import json
import os
import statistics
import subprocess
import time

_TEXT = "/usr/share/common-licenses/GPL-3"
_DEADLINE = 600  # seconds


class LocalCluster:

    def __init__(self, binary, directory, workers, servers, *flags):
        """Output goes to DIRECTORY/out; data is below DIRECTORY."""
        self._binary = os.path.abspath(binary)
        self.directory = directory
        self._state = os.path.join(directory, "state")
        self._up = ("up", "--workers", str(workers), "--servers", str(servers),
                    "--state-dir", self._state, "--listen", "127.0.0.1:0",
                    "--data-root", directory, "--output-root",
                    os.path.join(directory, "out"), "--no-dashboard", *flags)
        self.scheduler = ""

    def __enter__(self):
        self._run(*self._up)
        with open(f"{self._state}/address", encoding="utf-8") as file:
            self.scheduler = file.read()
        return self

    def __exit__(self, *_):
        self._run("down", "--state-dir", self._state)

    def _run(self, *arguments):
        done = subprocess.run([self._binary, *arguments], check=False,
                              capture_output=True, text=True,
                              cwd=self.directory)
        if done.returncode != 0:
            raise RuntimeError(f"hawser {arguments[0]}: {done.stderr}")
        return done.stdout

    def hawser(self, *arguments):
        return self._run(*arguments, "--scheduler", self.scheduler)

    def ask(self, *arguments):
        return json.loads(self.hawser(*arguments, "-o", "json"))

    def step(self, job):
        return self.ask("job", job)["step"]

    def await_that(self, what, condition):
        limit = time.monotonic() + _DEADLINE
        while time.monotonic() < limit:
            found = condition()
            if found:
                return found
        raise RuntimeError(f"not within {_DEADLINE} s: {what}")

    def await_step(self, job, step):
        """The first step told that is at least this one."""
        return self.await_that(f"step {step}", lambda: max(
            0, self.step(job) - step + 1)) + step - 1

    def await_line(self, job, text):
        """Until the job's log has it; returns the line's text."""
        def found():
            for line in self.hawser("logs", job, "-o", "json").splitlines():
                said = json.loads(line)["text"]
                if text in said:
                    return said
            return None
        return self.await_that(text, found)

    def node_of(self, role):
        """The first one at work: its process, its number."""
        node = next(node for node in self.ask("nodes")
                    if node["role"] == role and node["job"])
        return node["process"], node["node"]


def write_text(path, times=8):
    with open(_TEXT, "rb") as file:
        text = file.read()
    with open(path, "wb") as file:
        file.write(text * times)


def print_table(rows, unit="s"):
    """rows: [(what, values)]."""
    print(f"| {unit} | min | median | max |")
    print("|---|---|---|---|")
    for what, values in rows:
        print(f"| {what} | {min(values):.2f} | "
              f"{statistics.median(values):.2f} | {max(values):.2f} |")
