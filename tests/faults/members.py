"""The daemons of a cluster, started again when they end, as by a supervisor.

    cluster = Cluster(directory, binaries, hosts, {"scheduler": 1, "server": 3,
                      "worker": 3}, {"scheduler": ["--lease-ms", "1500"]})
    cluster.start()
    cluster.member("server", 1).kill(again_after=0.5)
    cluster.tend()          # time and again: starts what has ended
    cluster.hawser("jobs")
    cluster.close()

A daemon that ends by itself is started again, too, and is remembered in
`ended_by_themselves`: no fault may bring that about.
"""

import json
import os
import signal
import subprocess
import time

DEADLINE = 60  # seconds until something that must happen has not
RESTART_SECONDS = 1.0  # of a daemon that has ended by itself


class Member:

    def __init__(self, cluster, role, number, host):
        self.role, self.number, self.host = role, number, host
        self.directory = f"{cluster.directory}/{role}-{number}"
        self.log = f"{self.directory}.log"
        self.is_stopped = False
        self._cluster = cluster
        self._process = None
        self._again_at = 0.0
        self._was_killed = False
        self._address = ""
        self.starts = 0
        os.makedirs(self.directory)

    def __str__(self):
        return f"{self.role} {self.number}"

    @property
    def process(self):
        """The process number; 0: it does not run."""
        return self._process.pid if self._process else 0

    def start(self):
        port_file = f"{self.directory}/port"
        listen = ([] if self.role == "worker" else
                  self._cluster.hosts.listen(self.host, self._address))
        words = [*self._cluster.hosts.enter(self.host),
                 f"{self._cluster.binaries}/hawser-{self.role}", *listen,
                 *self._cluster.flags_of(self)]
        if self.role == "scheduler":
            words += ["--port-file", port_file]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                words, cwd=self.directory, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        self._was_killed = False
        self.is_stopped = False
        self.starts += 1
        if self.role == "scheduler" and not self._address:
            await_that("the scheduler's address", lambda: os.path.exists(
                port_file) and os.path.getsize(port_file))
            with open(port_file, encoding="utf-8") as file:
                self._address = file.read()

    @property
    def address(self):
        return self._address

    def kill(self, again_after):
        """Whether there was a process to kill."""
        if not self._process:
            return False
        self._was_killed = True
        self._again_at = time.monotonic() + again_after
        self._process.kill()
        self._process.wait()
        return True

    def stop(self):
        if not self._process or self.is_stopped:
            return False
        self._process.send_signal(signal.SIGSTOP)
        self.is_stopped = True
        return True

    def go_on(self):
        if self._process and self.is_stopped:
            self._process.send_signal(signal.SIGCONT)
        self.is_stopped = False

    def tend(self):
        """Notices an end, starts it again when it is time.

        Returns how it ended if it did so by itself.
        """
        ended = None
        if self._process and self._process.poll() is not None:
            if not self._was_killed:
                ended = f"{self} ended with {self._process.returncode}"
                self._again_at = time.monotonic() + RESTART_SECONDS
            self._process = None
        if not self._process and time.monotonic() >= self._again_at:
            self.start()
        return ended

    def terminate(self):
        """Ends it as an operator does; returns its exit code."""
        self.go_on()
        if not self._process:
            return 0
        self._process.terminate()
        try:
            return self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None


class Cluster:

    def __init__(self, directory, binaries, hosts, counts, flags):
        """flags: for the daemons of each role, besides where others are."""
        self.directory = directory
        self.binaries = os.path.abspath(binaries)
        self.hosts = hosts
        self.output = f"{directory}/output"
        self.ended_by_themselves = []
        self._flags = flags
        self.members = [Member(self, role, number, hosts.add())
                        for role, count in counts.items()
                        for number in range(count)]

    def member(self, role, number):
        return next(member for member in self.members
                    if (member.role, member.number) == (role, number))

    def of(self, role):
        return [member for member in self.members if member.role == role]

    @property
    def scheduler_address(self):
        return self.member("scheduler", 0).address

    def flags_of(self, member):
        flags = self._flags.get(member.role, [])
        if member.role == "scheduler":
            return ["--state-dir", f"{self.directory}/state", *flags]
        flags = ["--scheduler", self.scheduler_address, *flags]
        if member.role == "server":
            return ["--output-root", self.output, *flags]
        return ["--data-root", self.directory, *flags]

    def start(self):
        for member in self.members:
            member.start()
        await_that("all members", lambda: len(self.nodes()) ==
                   len(self.members) - 1)

    def tend(self):
        for member in self.members:
            ended = member.tend()
            if ended is not None:
                self.ended_by_themselves.append(ended)

    # --- Commands ---

    def run(self, *words):
        return subprocess.run(
            [*self.hosts.enter(""), f"{self.binaries}/hawser", *words,
             "--scheduler", self.scheduler_address], cwd=self.directory,
            capture_output=True, text=True, check=False)

    def hawser(self, *words):
        done = self.run(*words)
        if done.returncode != 0:
            raise RuntimeError(f"hawser {' '.join(words)}: {done.stderr}")
        return done.stdout

    def ask(self, *words):
        """What a command says as JSON; None: no answer now."""
        done = self.run(*words, "-o", "json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def nodes(self):
        """Numbers of nodes by process; empty: no answer now."""
        return {node["process"]: node["node"]
                for node in self.ask("nodes") or ()}

    def close(self):
        """Returns those that did not end as they should."""
        ends = [(str(member), member.terminate())
                for role in ("worker", "server", "scheduler")
                for member in self.of(role)]
        self.hosts.close()
        return [f"{name} ended with {code}" for name, code in ends if code]


def await_that(what, condition):
    limit = time.monotonic() + DEADLINE
    while time.monotonic() < limit:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise RuntimeError(f"not within {DEADLINE} s: {what}")
