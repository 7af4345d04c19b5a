"""What is made of what a scheduler told."""

import unittest

from tests.faults.timeline import Sample, Timeline, spread
from tests.integration.case_report import main


def line(text, at="2026-01-01T00:00:00"):
    return {"time": at, "text": text}


class TimelineTest(unittest.TestCase):

    def steps(self, *samples):
        timeline = Timeline()
        for seconds, step in samples:
            timeline.add(Sample(seconds, step, 1))
        return timeline

    def test_steps_that_are_made_again(self):
        timeline = self.steps((1, 40), (2, 57))
        rolled_back = line("rolled back to step 40, from /out/step-40")
        timeline.read_log(3, [rolled_back])
        timeline.read_log(4, [rolled_back])  # it is told again, not done again
        self.assertEqual((timeline.roll_backs, timeline.lost_steps), (1, 17))

    def test_a_second_roll_back_counts_from_the_first(self):
        timeline = self.steps((1, 57))
        first = line("rolled back to step 40, from a")
        timeline.read_log(2, [first])
        timeline.add(Sample(3, 45, 2))
        timeline.read_log(4, [first, line("rolled back to step 40, from a",
                                          at="2026-01-01T00:00:03")])
        self.assertEqual((timeline.roll_backs, timeline.lost_steps), (2, 22))

    def test_two_roll_backs_in_a_second_are_two(self):
        timeline = self.steps((1, 57))
        timeline.read_log(2, 2 * [line("rolled back to step 40, from a")])
        self.assertEqual(timeline.roll_backs, 2)

    def test_losses_are_told_once(self):
        timeline = self.steps()
        lost = line("worker 7 was lost: its lease ended")
        timeline.read_log(2, [lost, line("server 3 has started over and with "
                                         "it the parameters it held")])
        timeline.read_log(5, [lost, line(
            "server 4 did not come back after the scheduler restarted")])
        self.assertEqual(timeline.losses(), [
            ("worker", 7, 2), ("server", 3, 2), ("server", 4, 5)])

    def test_the_next_step(self):
        timeline = self.steps((1, 5), (2, 5), (3, 4), (4, 6), (5, 7))
        self.assertEqual(timeline.next_step_after(1.5), 4)
        self.assertEqual(timeline.next_step_after(4), 5)
        self.assertIsNone(timeline.next_step_after(5))

    def test_spread(self):
        self.assertEqual(spread([3, 1, 2], " s"), "1.00 / 2.00 / 3.00 s")
        self.assertEqual(spread([]), "-")


if __name__ == "__main__":
    main()
