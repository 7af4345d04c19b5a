#!/usr/bin/python3
"""examples/mnist.textproto in PyTorch, for the table of losses in the docs.

    tests/bench/mnist_pytorch.py DIRECTORY   (of the four IDX files, gzip)
"""

import gzip
import sys

import numpy
import torch
from torch import nn

EPOCHS, BATCH = 10, 64


def read(directory, prefix):
    with gzip.open(f"{directory}/{prefix}-images-idx3-ubyte.gz") as file:
        images = numpy.frombuffer(file.read(), numpy.uint8, offset=16)
    with gzip.open(f"{directory}/{prefix}-labels-idx1-ubyte.gz") as file:
        labels = numpy.frombuffer(file.read(), numpy.uint8, offset=8)
    return (torch.from_numpy(images.reshape(-1, 784).astype("f4") / 255),
            torch.from_numpy(labels.astype("i8")))


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    features, labels = read(sys.argv[1], "train")
    test_features, test_labels = read(sys.argv[1], "t10k")
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    loss_of = nn.CrossEntropyLoss()
    for epoch in range(1, EPOCHS + 1):
        total = correct = 0
        for index in torch.randperm(len(labels)).split(BATCH):
            optimizer.zero_grad()
            logits = model(features[index])
            loss = loss_of(logits, labels[index])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(index)
            correct += (logits.argmax(1) == labels[index]).sum().item()
        with torch.no_grad():
            logits = model(test_features)
            validation = loss_of(logits, test_labels).item()
            right = (logits.argmax(1) == test_labels).float().mean().item()
        print(f"{epoch} {total / len(labels):.4f} "
              f"{100 * correct / len(labels):.2f} {validation:.4f} "
              f"{100 * right:.2f}", flush=True)


if __name__ == "__main__":
    main()
