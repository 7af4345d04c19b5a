"""Schedules: the same for the same seed, every kind for every role."""

import unittest

from tests.faults import schedule
from tests.integration.case_report import main

MEMBERS = {"scheduler": 1, "server": 3, "worker": 2}


def draw(seed=1, count=60, **changes):
    settings = {"members": MEMBERS, "every": 2.0, "lease": 1.0, **changes}
    return schedule.draw(seed, count, **settings)


class ScheduleTest(unittest.TestCase):

    def test_a_seed_says_it_all(self):
        self.assertEqual(draw(), draw())
        self.assertNotEqual(draw(), draw(seed=2))

    def test_every_kind_meets_every_role(self):
        met = {(fault.kind, fault.role) for fault in draw(count=15)}
        self.assertEqual(met, {(kind, role) for kind in schedule.KINDS
                               for role in schedule.ROLES})

    def test_members_and_times_are_those_that_there_are(self):
        before = 0.0
        for fault in draw():
            self.assertLess(fault.number, MEMBERS[fault.role])
            self.assertGreaterEqual(fault.at, before + 1)
            self.assertLessEqual(fault.at, before + 3)
            before = fault.at

    def test_a_fault_lasts_from_less_than_a_lease_to_longer(self):
        seconds = [fault.seconds for fault in draw(count=300)
                   if fault.kind != "kill"]
        self.assertLess(min(seconds), 0.5)
        self.assertGreater(max(seconds), 2.5)
        self.assertLessEqual(max(seconds), 3)

    def test_nobody_is_cut_off_from_itself(self):
        cuts = [fault for fault in draw(count=300)
                if fault.kind in schedule.CUTS]
        self.assertNotIn(("scheduler", "scheduler"),
                         {(fault.role, fault.others) for fault in cuts})
        self.assertIn(("server", "server"),
                      {(fault.role, fault.others) for fault in cuts})

    def test_who_is_spared_is_not_killed_but_stopped(self):
        faults = [fault for fault in
                  draw(count=300, spared=[("scheduler", 0), ("server", 1)])
                  if fault.role != "worker"]
        killed = {(fault.role, fault.number) for fault in faults
                  if fault.kind == "kill"}
        self.assertEqual(killed, {("server", 0), ("server", 2)})
        self.assertIn(("server", 1), {(fault.role, fault.number)
                                      for fault in faults
                                      if fault.kind == "stop"})

    def test_signals_alone(self):
        kinds = {fault.kind for fault in draw(kinds=schedule.SIGNALS)}
        self.assertEqual(kinds, set(schedule.SIGNALS))

    def test_as_it_is_printed(self):
        for fault, text in (
                (schedule.Fault(12.3456, "kill", "server", 1, 0.84),
                 "12.346 kill server 1, again after 0.8 s"),
                (schedule.Fault(1, "stop", "worker", 0, 2.4),
                 "1.000 stop worker 0 for 2.4 s"),
                (schedule.Fault(1, "cut", "server", 2, 3.1, "scheduler"),
                 "1.000 cut server 2 from scheduler for 3.1 s"),
                (schedule.Fault(1, "deaf", "worker", 1, 1, "all"),
                 "1.000 deaf worker 1 to all for 1.0 s")):
            self.assertEqual(str(fault), text)


if __name__ == "__main__":
    main()
