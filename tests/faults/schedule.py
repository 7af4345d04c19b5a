"""Which faults a cluster meets and when: a function of a seed.

    faults = draw(seed, count=200, members={"scheduler": 1, "server": 3,
                                            "worker": 3},
                  every=3.0, lease=1.5, kinds=KINDS)

A fault is written as it is printed:

    12.345 kill server 1, again after 0.8 s
    15.210 stop worker 0 for 2.4 s
    17.020 cut server 2 from scheduler for 3.1 s
    21.500 deaf worker 1 to server for 1.2 s
"""

import dataclasses
import random

SIGNALS = ("kill", "stop")
# cut: neither hears the other; deaf: it hears nobody of the others, who hear
# it; mute: they do not hear it.
CUTS = ("cut", "deaf", "mute")
KINDS = SIGNALS + CUTS
ROLES = ("scheduler", "server", "worker")
# From whom a member is cut off: one role, or everybody.
EVERYBODY = "all"
# A fault lasts from a fraction of a lease to so many of them: some are noticed
# and some are not.
SHORTEST_LEASES = 0.2
LONGEST_LEASES = 3.0
# A supervisor starts a process again after so long.
SOONEST_SECONDS = 0.1
LATEST_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Fault:
    """at: seconds since the job runs. seconds: how long it lasts; of a kill,
    until the process is started again. others: from whom a member is cut off.
    """
    at: float
    kind: str
    role: str
    number: int
    seconds: float
    others: str = ""

    def __str__(self):
        who = f"{self.at:.3f} {self.kind} {self.role} {self.number}"
        if self.kind == "kill":
            return f"{who}, again after {self.seconds:.1f} s"
        if self.kind == "stop":
            return f"{who} for {self.seconds:.1f} s"
        word = {"cut": "from", "deaf": "to", "mute": "to"}[self.kind]
        return f"{who} {word} {self.others} for {self.seconds:.1f} s"


def _kinds_in_turn(rng, kinds, members):
    """Every kind meets every role, in an order that is drawn, for ever."""
    while True:
        turn = [(kind, role) for kind in kinds for role in members
                if members[role] > 0]
        rng.shuffle(turn)
        yield from turn


def draw(seed, count, members, every, lease, kinds=KINDS, spared=()):
    """The faults in the order of their times.

    members: how many there are of each role. every: seconds from one fault to
    the next, on average (drawn from a half to one and a half of it). lease: in
    seconds. spared: (role, number) of members that are not killed.
    """
    rng = random.Random(seed)
    faults = []
    at = 0.0
    turns = _kinds_in_turn(rng, kinds, members)
    while len(faults) < count:
        kind, role = next(turns)
        allowed = [number for number in range(members[role])
                   if kind != "kill" or (role, number) not in spared]
        if not allowed:
            continue
        at += rng.uniform(0.5, 1.5) * every
        number = rng.choice(allowed)
        others = ""
        if kind in CUTS:
            others = rng.choice([other for other in (*ROLES, EVERYBODY)
                                 if other != role or members[role] > 1])
        seconds = (rng.uniform(SOONEST_SECONDS, LATEST_SECONDS)
                   if kind == "kill" else
                   rng.uniform(SHORTEST_LEASES, LONGEST_LEASES) * lease)
        faults.append(Fault(at, kind, role, number, seconds, others))
    return faults
