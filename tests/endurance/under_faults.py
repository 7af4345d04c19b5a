"""Whether a cluster that works for long under faults stays the size it is.

One job after another, synchronous and asynchronous in turn, while members are
killed, stopped and cut off (tests/faults). Of each role, the first is never
killed, so that it is as old as the run: its memory and descriptors are read all
the while, and judged by what they are between two jobs, when all members are
there and what the job held is given back. Every job must succeed, the
synchronous ones with the parameters of a fault-free run.
"""

import csv
import json
import os
import subprocess
import sys
import tempfile
import time

from tests.endurance import memory
from tests.faults import hosts, jobs, members, schedule
from tests.faults.injector import Injector
from tests.faults.watcher import Watcher

COUNTS = {"scheduler": 1, "server": 3, "worker": 3}
SPARED = [(role, 0) for role in COUNTS]
LEASE = 5.0  # seconds, as by default
KINDS = ("gpt", "asynchronous-gpt")
# So few that they are there before it is judged what grows.
KEPT_JOBS = 3
POLL_SECONDS = 2
SAMPLE_SECONDS = 5
# After a job: a process gives back each minute what it does not use.
SETTLE_SECONDS = 65
# By then each kind of fault has met each role.
WARM_SHARE = 0.25


class Endurance:

    def __init__(self, arguments, directory):
        """arguments: minutes, seed, fault_every (seconds),
        pace_ms, steps (of a job), hawser, samples (a file, or None)."""
        self._arguments = arguments
        self._binaries = os.path.dirname(os.path.abspath(arguments.hawser))
        self._directory = directory
        # Samples between jobs.
        self._between = {role: [] for role in COUNTS}
        self._sampled = 0.0
        self._begin = time.monotonic()
        self._problems = []
        self._jobs = 0

    @property
    def _now(self):
        return time.monotonic() - self._begin

    def _write_job(self, number):
        kind = KINDS[number % len(KINDS)]
        text = jobs.JOBS[kind].text(f"job-{number}", self._arguments.steps)
        path = f"{self._directory}/job-{number}.textproto"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def _undisturbed(self):
        done = subprocess.run(
            [f"{self._binaries}/hawser", "run",
             self._write_job(0), "--workers", "1", "--no-dashboard",
             "--data-root", self._directory, "--output-root",
             f"{self._directory}/undisturbed", "-o", "json"],
            cwd=self._directory, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["parameters_sha256"]

    def run(self):
        """Returns what did not hold."""
        jobs.write_data(self._directory)
        expected = self._undisturbed()
        cluster = members.Cluster(
            self._directory, self._binaries,
            hosts.make(f"hawser-endurance-{os.getpid()}"), COUNTS,
            {"scheduler": ["--lease-ms", str(int(1000 * LEASE)),
                           "--keep-ended-jobs", str(KEPT_JOBS)],
             "worker": ["--micro-batch-delay-ms",
                        str(self._arguments.pace_ms)]})
        try:
            cluster.start()
            self._disturb(cluster, expected)
        finally:
            self._problems += cluster.ended_by_themselves + cluster.close()
        return self._problems

    def _faults(self, cluster):
        seconds = 60 * self._arguments.minutes
        kinds = (schedule.KINDS if cluster.hosts.can_cut else
                 schedule.SIGNALS)
        return schedule.draw(self._arguments.seed,
                             int(seconds / self._arguments.fault_every), COUNTS,
                             self._arguments.fault_every, LEASE, kinds, SPARED)

    def _disturb(self, cluster, expected):
        self._begin = time.monotonic()
        injector = Injector(cluster, self._faults(cluster))
        while self._now < 60 * self._arguments.minutes:
            status = self._one_job(cluster, injector)
            if status is None:
                return
            self._jobs += 1
            if status["state"] != "succeeded":
                self._problems.append(f"a job ended otherwise: {status}")
            elif (self._jobs % len(KINDS) == 1 and
                  status["parameters_sha256"] != expected):
                self._problems.append(f"{status['name']} has other parameters")
            self._settle(cluster, injector)
        injector.end_all()

    def _one_job(self, cluster, injector):
        """Its last status; None: the time is over."""
        path = self._write_job(self._jobs)
        while cluster.run("submit", path, "--unless-exists").returncode != 0:
            self._tend(cluster, injector)  # its scheduler is stopped
        with Watcher(cluster, f"job-{self._jobs}", POLL_SECONDS) as watcher:
            while not watcher.has_ended:
                if watcher.problem:
                    self._problems.append(watcher.problem)
                    return None
                if self._now > 60 * self._arguments.minutes:
                    return None
                self._tend(cluster, injector)
        print(f"{self._now:.0f} s: {watcher.status['name']} "
              f"{watcher.status['state']}", flush=True)
        return watcher.status

    def _settle(self, cluster, injector):
        """All are there, and nothing is wrong: what is due now happens to the
        next job."""
        injector.end_all()
        end = self._now + SETTLE_SECONDS
        while self._now < end:
            self._tend(cluster)
        for role, sample in self._sample(cluster):
            self._between[role].append(sample)

    def _tend(self, cluster, injector=None):
        if injector:
            for done in injector.act(self._now):
                print(done.fault, flush=True)
        cluster.tend()
        if self._now >= self._sampled:
            self._sampled = self._now + SAMPLE_SECONDS
            self._sample(cluster)
        time.sleep(0.1)

    def _sample(self, cluster):
        """[(role, sample)], which it also writes down."""
        samples = []
        for role, number in SPARED:
            process = cluster.member(role, number).process
            if not process:
                continue  # it has ended by itself, which is told of
            sample = memory.sample(process, self._now)
            if self._arguments.samples:
                with open(self._arguments.samples, "a", newline="",
                          encoding="utf-8") as file:
                    csv.writer(file).writerow((role, *sample))
            samples.append((role, sample))
        return samples

    def judge(self, most_growth_percent):
        """Prints the table; returns whether anything grows.

        Descriptors come and go with the peers that are there: they grow if
        there are always more at the end than ever in the beginning.
        """
        grows = False
        warm = WARM_SHARE * 60 * self._arguments.minutes
        print(f"{self._jobs} jobs in {self._arguments.minutes:g} minutes")
        print(f"| process | {memory.HEADINGS} | descriptors, then | "
              "at the end |")
        print("|---|---|---|---|---|---|---|")
        for role, samples in self._between.items():
            samples = [one for one in samples if one.seconds >= warm]
            if len(samples) < 2:
                sys.exit(f"{len(samples)} jobs have ended: too short a time")
            growth = memory.growth_percent_per_hour(samples)
            third = -(-len(samples) // 3)
            before = [one.descriptors for one in samples[:third]]
            after = [one.descriptors for one in samples[-third:]]
            grows |= growth >= most_growth_percent or min(after) > max(before)
            print(f"| {role} | {memory.columns(samples)} | "
                  f"{min(before)} to {max(before)} | "
                  f"{min(after)} to {max(after)} |")
        print("grows" if grows else "flat")
        return grows


def endure(arguments, most_growth_percent):
    """Returns whether anything did not hold."""
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hawser-endurance-") as directory:
        endurance = Endurance(arguments, directory)
        problems = endurance.run()
        for problem in problems:
            print(f"PROBLEM: {problem}", file=sys.stderr)
        return endurance.judge(most_growth_percent) or bool(problems)
