"""Writes optimizer.txt: what common/optimizer must compute.

Run by hand with Debian's python3-torch 1.13; the result is committed:

    /usr/bin/python3 tests/golden/optimizer_golden.py > tests/golden/optimizer.txt

A line is one of

    float64 NAME ...  12 steps of 5 parameters, row by row, by PyTorch.
    float32 NAME ...  The same with PyTorch's own rounding.
    rate NAME ...     Learning rates of PyTorch's schedulers.
    bits NAME ...     CRC-32 (zlib) of the parameters, then of each state
                      vector, 1003 elements each, after 4 steps that numpy made
                      in float32, one rounding an operation.

For PyTorch, parameter i starts at (-1)^i (0.5 + 2^(i - 1)), away from 0 so that
a relative error means something; its gradient at step t is
sin(1 + 1.7 i + 0.6 t) 2^(i - 2), the learning rate of step t 0.1 / (1 + t).
"""
import math
import zlib

import numpy
import torch

STEPS = 12
SIZE = 5


def steps(make, dtype):
    theta = torch.tensor([(-1)**i * (0.5 + 2.0**(i - 1)) for i in range(SIZE)],
                         dtype=dtype, requires_grad=True)
    optimizer = make([theta])
    values = []
    for t in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 / (1 + t)
        theta.grad = torch.tensor(
            [math.sin(1 + 1.7 * i + 0.6 * t) * 2.0**(i - 2)
             for i in range(SIZE)], dtype=dtype)
        optimizer.step()
        values += theta.tolist()
    return values


def run(name, make):
    exact = steps(make, torch.float64)
    rounded = steps(make, torch.float32)
    # Else the tolerance of the test, 2e-6, would be too much to ask.
    assert all(abs(r - e) <= 1e-6 * abs(e) for r, e in zip(rounded, exact)), name
    print("float64", name, " ".join("%.17g" % value for value in exact))
    print("float32", name, " ".join("%.9g" % value for value in rounded))


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


def noise(stream):
    """1003 multiples of 2^-23 in [-1, 1), the same in every language."""
    i = numpy.arange(1003, dtype=numpy.uint64) + numpy.uint64(1003 * stream)
    mixed = i * numpy.uint64(2654435761) % numpy.uint64(2**32)
    whole = (mixed >> numpy.uint64(8)).astype(numpy.int64) - 2**23
    return (whole / 2**23).astype(numpy.float32)


def bits(name, initial_states, update):
    """update(t, rate, theta, gradient, states) returns (theta, states)."""
    f32 = numpy.float32
    theta = noise(0)
    states = [numpy.full(1003, value, f32) for value in initial_states]
    for t in range(4):
        rate = 0.1 / (1 + t)
        gradient = noise(1 + t) * f32(0.25)
        theta, states = update(t, rate, theta, gradient, states)
    vectors = [theta] + states
    assert all(vector.dtype == f32 for vector in vectors), name
    print("bits", name, *(zlib.crc32(vector.tobytes()) for vector in vectors))


def sgd(momentum, nesterov, decay):
    f32 = numpy.float32

    def update(t, rate, theta, gradient, states):
        g = gradient + f32(decay) * theta
        if momentum == 0:
            return theta - f32(rate) * g, []
        v = f32(momentum) * states[0] + g
        change = g + f32(momentum) * v if nesterov else v
        return theta - f32(rate) * change, [v]
    return update


def adam(beta1, beta2, epsilon, decay, decoupled):
    f32 = numpy.float32

    def update(t, rate, theta, gradient, states):
        g, kept = gradient, theta
        if decoupled:
            kept = theta * f32(1 - rate * decay)
        else:
            g = gradient + f32(decay) * theta
        m = f32(beta1) * states[0] + f32(1 - beta1) * g
        v = f32(beta2) * states[1] + f32(1 - beta2) * (g * g)
        root = f32(math.sqrt(1 - beta2**(t + 1)))
        denominator = numpy.sqrt(v) / root + f32(epsilon)
        size = f32(rate / (1 - beta1**(t + 1)))
        return kept - size * m / denominator, [m, v]
    return update


def adagrad(epsilon, decay):
    f32 = numpy.float32

    def update(t, rate, theta, gradient, states):
        g = gradient + f32(decay) * theta
        total = states[0] + g * g
        return (theta - f32(rate) * g / (numpy.sqrt(total) + f32(epsilon)),
                [total])
    return update


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

bits("sgd", [], sgd(0, False, 0))
bits("sgd_decay", [], sgd(0, False, 0.05))
bits("momentum", [0], sgd(0.9, False, 0.05))
bits("nesterov", [0], sgd(0.8, True, 0.05))
bits("adam", [0, 0], adam(0.9, 0.999, 1e-8, 0, False))
bits("adam_decay", [0, 0], adam(0.8, 0.95, 1e-4, 0.05, False))
bits("adamw", [0, 0], adam(0.9, 0.999, 1e-8, 0.05, True))
bits("adagrad", [0.1], adagrad(1e-10, 0.05))

SCHEDULER = torch.optim.lr_scheduler
rates("cosine", lambda o: SCHEDULER.CosineAnnealingLR(o, 20, eta_min=0.03), 21)
rates("step", lambda o: SCHEDULER.StepLR(o, 6, gamma=0.5), 21)
# Warm-up over 5 steps: rates 1/5 to 5/5 of the base, then constant.
rates("warmup", lambda o: SCHEDULER.LinearLR(o, start_factor=1 / 5,
                                             total_iters=4), 21)
# The same warm-up, then the cosine to 0 over the 16 steps that are left.
rates("warmup_cosine", lambda o: SCHEDULER.SequentialLR(
    o, [SCHEDULER.LinearLR(o, start_factor=1 / 5, total_iters=4),
        SCHEDULER.CosineAnnealingLR(o, 15)], [5]), 21)
