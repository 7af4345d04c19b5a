"""Writes mlp.txt: PyTorch's loss and gradient of small MLPs, in float64.

Run by hand with Debian's python3-torch 1.13; the result is committed:

    /usr/bin/python3 tests/golden/mlp_golden.py > tests/golden/mlp.txt

Each case: name, number of layer sizes, the sizes, label smoothing, samples,
parameters, the sum of the losses; then labels, features, parameters (layer by
layer, weight [outputs, inputs] then bias) and their gradient.
"""
import torch
from torch import nn

ACTIVATIONS = {
    "relu": nn.ReLU,
    "gelu": lambda: nn.GELU(approximate="tanh"),
    "tanh": nn.Tanh,
    "smooth": nn.ReLU,
}


def line(tensor):
    print(" ".join("%.9g" % value for value in tensor.flatten().tolist()))


def case(name, sizes, smoothing, samples):
    torch.manual_seed(len(name) + sum(sizes))
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[name]()]
    model = nn.Sequential(*layers[:-1])
    # Values that float32 holds exactly.
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape).mul(32).round() / 64
    model = model.double()
    features = (torch.randn(samples, sizes[0]).mul(64).round() / 64).double()
    labels = torch.randint(sizes[-1], (samples,))
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing, reduction="sum")(
        model(features), labels)
    loss.backward()
    parameters = list(model.parameters())
    print(name, len(sizes), *sizes, smoothing, samples,
          sum(p.numel() for p in parameters), "%.17g" % loss.item())
    line(labels)
    line(features)
    line(torch.cat([p.data.flatten() for p in parameters]))
    line(torch.cat([p.grad.flatten() for p in parameters]))


case("relu", [6, 9, 4], 0.0, 5)
case("gelu", [6, 9, 7, 4], 0.0, 5)
case("tanh", [6, 9, 4], 0.0, 3)
case("smooth", [5, 8, 3], 0.2, 4)
