"""Makes the faults of a schedule happen to a cluster, and ends them in time.

    injector = Injector(cluster, faults)
    while injector.is_busy:
        injector.act(seconds_since_the_job_runs)
        cluster.tend()

A fault that meets a process which is not there, or is stopped already, is made
when there is one again: every fault of the schedule happens.
"""

import dataclasses

from tests.faults import schedule


@dataclasses.dataclass
class Done:
    """A fault that was made: when, to which process."""
    fault: schedule.Fault
    at: float  # seconds since the job runs
    process: int


class Injector:

    def __init__(self, cluster, faults):
        self._cluster = cluster
        self._due = list(faults)
        self._postponed = []
        self._ends = []  # (when, what to call)
        self._cuts = {}  # (sender, receiver): how many faults cut it
        self.done = []

    @property
    def is_busy(self):
        return bool(self._due or self._postponed or self._ends)

    @property
    def left(self):
        return len(self._due) + len(self._postponed)

    def act(self, now):
        """Returns the faults that were made just now."""
        for end in [end for end in self._ends if end[0] <= now]:
            self._ends.remove(end)
            end[1]()
        before = len(self.done)
        while self._due and self._due[0].at <= now:
            self._postponed.append(self._due.pop(0))
        self._postponed = [fault for fault in self._postponed
                           if not self._make(fault, now)]
        return self.done[before:]

    def end_all(self):
        """What still lasts ends now."""
        for _, end in self._ends:
            end()
        self._ends = []

    def _make(self, fault, now):
        member = self._cluster.member(fault.role, fault.number)
        process = member.process
        if fault.kind == "kill":
            made = member.kill(again_after=fault.seconds)
        elif fault.kind == "stop":
            made = member.stop()
            if made:
                self._ends.append((now + fault.seconds,
                                   lambda: self._go_on(member, process)))
        else:
            made = bool(process)
            if made:
                self._cut(fault, member, now)
        if made:
            self.done.append(Done(fault, now, process))
        return made

    @staticmethod
    def _go_on(member, process):
        if member.process == process:
            member.go_on()

    def _cut(self, fault, member, now):
        others = [other for other in self._cluster.members
                  if other is not member and
                  fault.others in (schedule.EVERYBODY, other.role)]
        pairs = []
        for other in others:
            if fault.kind in ("cut", "deaf"):
                pairs.append((other.host, member.host))
            if fault.kind in ("cut", "mute"):
                pairs.append((member.host, other.host))
        for pair in pairs:
            self._cuts[pair] = self._cuts.get(pair, 0) + 1
            self._cluster.hosts.drop(*pair)

        def heal():
            for pair in pairs:
                self._cuts[pair] -= 1
                if self._cuts[pair] == 0:
                    self._cluster.hosts.deliver(*pair)
        self._ends.append((now + fault.seconds, heal))
