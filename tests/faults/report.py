"""A campaign's report as people read it."""

from tests.faults import schedule
from tests.faults.timeline import spread


def _table(report):
    """Faults by kind and role."""
    roles = report.settings.roles
    counts = {}
    for done in report.faults:
        key = (done.fault.kind, done.fault.role)
        counts[key] = counts.get(key, 0) + 1
    lines = ["| fault | " + " | ".join(roles) + " |",
             "|---" * (len(roles) + 1) + "|"]
    for kind in schedule.KINDS:
        row = [counts.get((kind, role), 0) for role in roles]
        if any(row):
            lines.append(f"| {kind} | " + " | ".join(map(str, row)) + " |")
    return lines


def text(report):
    lines = [
        "", *_table(report), "",
        f"job                        {report.settings.job}, "
        f"{report.steps} steps in {report.seconds:.0f} s",
        f"faults                     {len(report.faults)} "
        f"(seed {report.settings.seed})",
        f"roll-backs                 {report.roll_backs}, "
        f"{report.lost_steps} steps made again",
        f"useful time                {report.useful_percent:.1f} %",
        f"losses seen                {len(report.seen)}, after "
        + spread(report.seen, " s (min / median / max)"),
        "from the loss to a step    "
        + spread(report.stalls, " s (min / median / max)"),
        f"parameters sha256          {report.sha256}",
    ]
    lines += [f"PROBLEM: {problem}" for problem in report.problems]
    lines.append("failed" if report.problems else "all held")
    return "\n".join(lines)
