"""Writes optimizer.txt: PyTorch's figures for every optimizer, in float64.

Run by hand with Debian's python3-torch 1.13; the result is committed:

    /usr/bin/python3 tests/golden/optimizer_golden.py > tests/golden/optimizer.txt

Each line: name, then 12 steps of 5 parameters, row by row. Parameters start at
theta[i] = (i - 2) / 3, the gradient of element i at step t is
sin(1 + 1.7 i + 0.6 t) * 2^(i - 2), the learning rate of step t 0.1 / (1 + t).
The lines "rate ..." are learning rates of PyTorch's schedulers.
"""
import math

import torch

STEPS = 12
SIZE = 5


def run(name, make):
    theta = torch.tensor([(i - 2) / 3 for i in range(SIZE)],
                         dtype=torch.float64, requires_grad=True)
    optimizer = make([theta])
    values = []
    for t in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 / (1 + t)
        theta.grad = torch.tensor(
            [math.sin(1 + 1.7 * i + 0.6 * t) * 2.0**(i - 2)
             for i in range(SIZE)], dtype=torch.float64)
        optimizer.step()
        values += theta.tolist()
    print(name, " ".join("%.17g" % value for value in values))


def rates(name, make, count):
    parameter = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([parameter], lr=0.3)
    schedule = make(optimizer)
    values = []
    for _ in range(count):
        values.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    print("rate", name, " ".join("%.17g" % value for value in values))


OPTIM = torch.optim
run("sgd", lambda p: OPTIM.SGD(p, lr=1))
run("sgd_decay", lambda p: OPTIM.SGD(p, lr=1, weight_decay=0.05))
run("momentum", lambda p: OPTIM.SGD(p, lr=1, momentum=0.9, weight_decay=0.05))
run("nesterov", lambda p: OPTIM.SGD(p, lr=1, momentum=0.8, nesterov=True,
                                    weight_decay=0.05))
run("adam", lambda p: OPTIM.Adam(p, lr=1))
run("adam_decay", lambda p: OPTIM.Adam(p, lr=1, betas=(0.8, 0.95), eps=1e-4,
                                       weight_decay=0.05))
run("adamw", lambda p: OPTIM.AdamW(p, lr=1, weight_decay=0.05))
run("adagrad", lambda p: OPTIM.Adagrad(p, lr=1, weight_decay=0.05,
                                       initial_accumulator_value=0.1))
SCHEDULER = torch.optim.lr_scheduler
rates("cosine", lambda o: SCHEDULER.CosineAnnealingLR(o, 20, eta_min=0.03), 21)
rates("step", lambda o: SCHEDULER.StepLR(o, 6, gamma=0.5), 21)
