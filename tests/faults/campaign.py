"""One job under the faults of a seed, and what came of it.

    campaign = Campaign(settings, directory)
    report = campaign.run()
    report.problems        # empty: all held that must hold

What must hold: the job ends by itself and succeeds, a synchronous one with the
parameters of the fault-free run; every epoch has each sample once; another's
history passes `hawser audit`; every checkpoint passes `hawser verify`; no
daemon ends by itself.
"""

import dataclasses
import json
import os
import subprocess
import time

from tests.faults import hosts, jobs, members, schedule
from tests.faults.injector import Injector
from tests.faults.watcher import Watcher

NAME = "job"
FIRST_STEPS = 5
CALM_STEPS = 20


@dataclasses.dataclass(frozen=True)
class Settings:
    """Times in seconds. pace_ms: what a micro-batch waits, so that steps take
    as long on a busy machine. spare: members beyond those that the job needs.
    """
    binaries: str
    job: str
    seed: int
    faults: int
    every: float = 3.0
    lease: float = 1.5
    pace_ms: float = 20.0
    steps: int = 0  # 0: as many as the faults take, if none cost any time
    checkpoint_steps: int = jobs.CHECKPOINT_STEPS
    servers: int = 3
    workers: int = 3
    kinds: tuple = schedule.KINDS
    roles: tuple = schedule.ROLES
    poll: float = 0.25
    limit: float = 3600.0  # until the job must have ended
    namespaces: bool = True

    @property
    def step_seconds(self):
        """As it is without faults, at least."""
        return self.pace_ms / 1000 * jobs.MICRO_BATCHES / 2

    @property
    def total_steps(self):
        return self.steps or max(
            100, int(self.faults * self.every / self.step_seconds))


@dataclasses.dataclass
class Report:
    settings: Settings
    steps: int = 0
    seconds: float = 0.0
    calm_step_seconds: float = 0.0  # measured before the first fault
    faults: list = dataclasses.field(default_factory=list)
    roll_backs: int = 0
    lost_steps: int = 0
    seen: list = dataclasses.field(default_factory=list)
    # From a loss that was seen to the next step, in seconds.
    stalls: list = dataclasses.field(default_factory=list)
    sha256: str = ""
    problems: list = dataclasses.field(default_factory=list)

    @property
    def useful_percent(self):
        return 100 * self.steps * self.calm_step_seconds / self.seconds


def _samples(status):
    """Of each epoch: how many were trained and validated on."""
    return [(epoch["training"]["samples"], epoch["validation"]["samples"])
            for epoch in status["epochs_done"]]


class Campaign:

    def __init__(self, settings, directory, say=lambda text: None):
        self._settings = settings
        self._directory = directory
        self._say = say
        self._kind = jobs.JOBS[settings.job]
        self._report = Report(settings, steps=settings.total_steps)

    # --- The fault-free run ---

    def _undisturbed(self):
        """Its status; by as few members as there can be."""
        done = subprocess.run(
            [os.path.abspath(f"{self._settings.binaries}/hawser"), "run",
             self._job_file, "--workers", "1", "--no-dashboard", "--data-root",
             self._directory, "--output-root", f"{self._directory}/undisturbed",
             "-o", "json"], cwd=self._directory, capture_output=True, text=True,
            check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the fault-free run: {done.stderr}")
        return json.loads(done.stdout)

    # --- The run ---

    def run(self):
        settings = self._settings
        jobs.write_data(self._directory)
        self._job_file = f"{self._directory}/job.textproto"
        with open(self._job_file, "w", encoding="utf-8") as file:
            file.write(self._kind.text(NAME, settings.total_steps,
                                       settings.checkpoint_steps))
        expected = self._undisturbed()
        self._say(f"fault-free: {expected['parameters_sha256']}")
        places = (hosts.make(f"hawser-faults-{os.getpid()}")
                  if settings.namespaces else hosts.Loopback())
        cluster = members.Cluster(
            self._directory, settings.binaries, places,
            {"scheduler": 1, "server": settings.servers,
             "worker": settings.workers},
            {"scheduler": ["--lease-ms", str(int(1000 * settings.lease)),
                           "--heartbeat-ms", str(int(200 * settings.lease))],
             "worker": ["--micro-batch-delay-ms", str(settings.pace_ms)]})
        try:
            cluster.start()
            status = self._disturb(cluster)
            self._judge(cluster, expected, status)
        finally:
            self._report.problems += cluster.close()
        return self._report

    def _faults(self, cluster):
        kinds = [kind for kind in self._settings.kinds
                 if kind in schedule.SIGNALS or cluster.hosts.can_cut]
        counts = {role: len(cluster.of(role))
                  for role in self._settings.roles}
        return schedule.draw(self._settings.seed, self._settings.faults, counts,
                             self._settings.every, self._settings.lease, kinds)

    def _disturb(self, cluster):
        """Returns the job's last status."""
        settings, report = self._settings, self._report
        cluster.hawser("submit", self._job_file)
        calm = self._await_steps(cluster)
        injector = Injector(cluster, self._faults(cluster))
        nodes = []  # as they were numbered when each fault was made
        with Watcher(cluster, NAME, settings.poll) as watcher:
            while not watcher.has_ended and not watcher.problem:
                now = watcher.seconds
                if now > settings.limit:
                    report.problems.append(
                        f"the job has not ended after {now:.0f} s")
                    break
                for done in injector.act(now):
                    nodes.append(watcher.node_of(done.process))
                    self._say(f"{done.fault} (at {now:.3f}, step "
                              f"{(watcher.status or calm)['step']})")
                cluster.tend()
                time.sleep(0.02)
            injector.end_all()
            report.seconds = watcher.seconds
        if watcher.problem:
            report.problems.append(watcher.problem)
        report.steps -= calm["step"]
        report.faults = injector.done
        if injector.left:
            report.problems.append(
                f"the job ended before {injector.left} of the faults")
        self._measure(watcher.timeline, nodes)
        return watcher.status

    def _await_steps(self, cluster):
        """Until it has made some steps undisturbed; their pace is the calm
        one."""
        first = None

        def made():
            nonlocal first
            status = cluster.ask("job", NAME)
            if status["step"] < FIRST_STEPS:
                return None
            first = first or (time.monotonic(), status["step"])
            done = status["step"] >= first[1] + CALM_STEPS
            return status if done else None
        status = members.await_that("the first steps", made)
        self._report.calm_step_seconds = (
            (time.monotonic() - first[0]) / (status["step"] - first[1]))
        return status

    # --- What came of it ---

    def _measure(self, timeline, nodes):
        report = self._report
        report.roll_backs = timeline.roll_backs
        report.lost_steps = timeline.lost_steps
        for role, node, seen in timeline.losses():
            # The latest fault of that member is the one that was noticed.
            at = max((done.at for done, its in zip(report.faults, nodes)
                      if done.fault.role == role and its == node and
                      done.at <= seen), default=None)
            if at is None:
                continue  # one that was cut off from it, perhaps
            report.seen.append(seen - at)
            resumed = timeline.next_step_after(seen)
            if resumed is not None:
                report.stalls.append(resumed - at)

    def _judge(self, cluster, expected, status):
        problems = self._report.problems
        problems += cluster.ended_by_themselves
        if not status or status["state"] != "succeeded":
            problems.append(f"the job did not succeed: {json.dumps(status)}")
            return
        self._report.sha256 = status["parameters_sha256"]
        if self._kind.same_bits:
            if self._report.sha256 != expected["parameters_sha256"]:
                problems.append("the parameters are others than those of the "
                                "fault-free run")
            keys = ("training", "validation")
        else:
            audited = cluster.run("audit", NAME)
            if audited.returncode != 0:
                problems.append(f"hawser audit: {audited.stdout}"
                                f"{audited.stderr}")
            keys = ()
        for key in keys:
            if ([epoch[key] for epoch in status["epochs_done"]] !=
                    [epoch[key] for epoch in expected["epochs_done"]]):
                problems.append(f"the epochs' figures of {key} are others")
        if _samples(status) != _samples(expected):
            problems.append(f"the epochs have other samples: {_samples(status)}")
        verified = cluster.run("verify", f"{cluster.output}/{NAME}")
        if verified.returncode != 0:
            problems.append(f"hawser verify: {verified.stdout}"
                            f"{verified.stderr}")
