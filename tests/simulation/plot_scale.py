#!/usr/bin/python3
"""Draws docs/scale.svg from docs/scale.csv, and prints the tables of
docs/scale.md. Needs nothing but Python:

    tests/simulation/plot_scale.py docs/scale.csv docs/scale.svg
"""

import csv
import sys

MODES = ("synchronous-static", "synchronous-dynamic", "bounded-staleness",
         "asynchronous", "local-steps")
COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3")
# Name and (share of stragglers, failures a minute).
TROUBLES = (("none", (0, 0)), ("1 % stragglers", (0.01, 0)),
            ("5 % stragglers", (0.05, 0)), ("a failure a minute", (0, 1)))
PANEL_WIDTH, PANEL_HEIGHT, LEFT, TOP, GAP = 215, 190, 50, 50, 18


def read(path):
    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    cells = {}
    for row in rows:
        trouble = (float(row["stragglers"]), float(row["failures_per_minute"]))
        cells[int(row["workers"]), row["mode"], trouble] = row
    return cells


def percent(row):
    if row is None:
        return "-"
    efficiency = float(row["efficiency"])
    return f"{100 * efficiency:.0f} %" if efficiency > 0 else "no end"


def print_tables(cells):
    sizes = sorted({workers for workers, _, _ in cells})
    print("| workers | mode | " + " | ".join(name for name, _ in TROUBLES)
          + " |")
    print("|---:|---|" + "---:|" * len(TROUBLES))
    for workers in sizes:
        for mode in MODES:
            row = [percent(cells.get((workers, mode, trouble)))
                   for _, trouble in TROUBLES]
            if any(cell != "-" for cell in row):
                print(f"| {workers} | {mode} | " + " | ".join(row) + " |")
    print("\n| workers | calls a second |")
    print("|---:|---:|")
    for workers in sizes:
        row = cells.get((workers, MODES[0], (0, 0)))
        if row is not None:
            rate = float(row["scheduler_messages_per_second"])
            print(f"| {workers} | {rate:.0f} |")


def text(x, y, content, anchor="middle", size=11):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" '
            f'text-anchor="{anchor}">{content}</text>')


def panel(cells, sizes, index, name, trouble):
    """Bars of efficiency: a group for each size, a bar for each mode."""
    left = LEFT + index * (PANEL_WIDTH + GAP)
    bottom = TOP + PANEL_HEIGHT
    out = [text(left + PANEL_WIDTH / 2, TOP - 8, name, size=12)]
    for tick in range(0, 101, 20):
        y = bottom - PANEL_HEIGHT * tick / 100
        out.append(f'<line x1="{left}" y1="{y}" x2="{left + PANEL_WIDTH}" '
                   f'y2="{y}" stroke="#ddd"/>')
        if index == 0:
            out.append(text(left - 5, y + 4, f"{tick} %", "end"))
    group = PANEL_WIDTH / len(sizes)
    bar = group * 0.8 / len(MODES)
    for s, workers in enumerate(sizes):
        out.append(text(left + group * (s + 0.5), bottom + 15, workers))
        for m, mode in enumerate(MODES):
            row = cells.get((workers, mode, trouble))
            x = left + group * (s + 0.1) + bar * m
            if row is None:
                continue
            efficiency = min(1, float(row["efficiency"]))
            if efficiency == 0:
                out.append(text(x + bar / 2, bottom - 3, "×"))
            height = PANEL_HEIGHT * efficiency
            out.append(f'<rect x="{x:.1f}" y="{bottom - height:.1f}" '
                       f'width="{bar:.1f}" height="{height:.1f}" '
                       f'fill="{COLOURS[m]}"/>')
    return out


def draw(cells):
    sizes = sorted({workers for workers, _, _ in cells})
    width = LEFT + len(TROUBLES) * (PANEL_WIDTH + GAP)
    height = TOP + PANEL_HEIGHT + 62
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
           f'height="{height}" font-family="sans-serif">',
           f'<rect width="{width}" height="{height}" fill="white"/>',
           text(width / 2, 20, "Efficiency by number of workers", size=14)]
    for index, (name, trouble) in enumerate(TROUBLES):
        out += panel(cells, sizes, index, name, trouble)
    x = LEFT
    for mode, colour in zip(MODES, COLOURS):
        y = height - 22
        out.append(f'<rect x="{x}" y="{y}" width="11" height="11" '
                   f'fill="{colour}"/>')
        out.append(text(x + 16, y + 10, mode, "start"))
        x += 165
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    cells = read(sys.argv[1])
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(draw(cells))
    print_tables(cells)


if __name__ == "__main__":
    main()
