"""How a job went, from what its scheduler told of it now and then.

    timeline = Timeline()
    timeline.add(Sample(seconds, step, incarnation))
    timeline.read_log(seconds, lines)     # of `hawser logs`
    timeline.losses()

Pure: times are handed in.
"""

import dataclasses
import re
import statistics

_LOST = re.compile(r"(server|worker) (\d+) (?:was lost|"
                   r"has started over|did not come back)")
_ROLLED_BACK = re.compile(r"rolled back to step (\d+)")


@dataclasses.dataclass(frozen=True)
class Sample:
    seconds: float
    step: int
    incarnation: int


class Timeline:

    def __init__(self):
        self.samples = []
        self._losses = {}  # (role, node): when it was told
        self._read = {}  # lines of a scheduler's log: how often each was there
        self._reached = 0  # the highest step since the last roll-back
        self.roll_backs = 0
        self.lost_steps = 0

    def add(self, sample):
        self.samples.append(sample)
        self._reached = max(self._reached, sample.step)

    def read_log(self, seconds, lines):
        """lines: all that the scheduler has now, {"time", "text"} each.

        A restarted one begins anew: only what is there more often than ever
        before is new.
        """
        counts = {}
        for line in lines:
            key = (line["time"], line["text"])
            counts[key] = counts.get(key, 0) + 1
            if counts[key] <= self._read.get(key, 0):
                continue
            self._read[key] = counts[key]
            self._take(seconds, line["text"])

    def _take(self, seconds, text):
        lost = _LOST.match(text)
        if lost:
            self._losses.setdefault((lost[1], int(lost[2])), seconds)
        rolled_back = _ROLLED_BACK.match(text)
        if rolled_back:
            step = int(rolled_back[1])
            self.roll_backs += 1
            self.lost_steps += max(0, self._reached - step)
            self._reached = step

    def losses(self):
        """(role, node, when it was told) of each member that was lost."""
        return [(role, node, seconds)
                for (role, node), seconds in self._losses.items()]

    def next_step_after(self, seconds):
        """When a step was told of after this; None: never."""
        for before, after in zip(self.samples, self.samples[1:]):
            if after.seconds > seconds and after.step > before.step:
                return after.seconds
        return None


def spread(values, unit=""):
    """min / median / max of some values."""
    if not values:
        return "-"
    return (f"{min(values):.2f} / {statistics.median(values):.2f} / "
            f"{max(values):.2f}{unit}")
