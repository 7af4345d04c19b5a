"""Writes gpt.txt: PyTorch's loss and gradient of small GPTs, in float64.

Run by hand with Debian's python3-torch 1.13; the result is committed:

    /usr/bin/python3 tests/golden/make_gpt_golden.py > tests/golden/gpt.txt

Each case: the GptSpec as text; samples, parameters, and the mean loss times
samples; the gradient of that, in the order of the parameter vector, a line for
each parameter of PyTorch's. Parameters, tokens and labels are made from whole
numbers (see number): parameter i is number(i) / 256, plus 1 if it is a norm's
weight; token i is (number(i) + 128) % vocabulary, label i the same of
i + 1000003.

Written with PyTorch's own layers and as GPT-2 and Llama do it (Hugging Face
transformers, modeling_gpt2.py and modeling_llama.py), not after Hawser's code.
"""
import torch
from torch import nn
from torch.nn import functional as F


def number(i):
    """-128 to 127, scrambled by i alone (murmur3's finalizer)."""
    x = (i + 1) & 0xffffffff
    x ^= x >> 16
    x = x * 0x85ebca6b & 0xffffffff
    x ^= x >> 13
    x = x * 0xc2b2ae35 & 0xffffffff
    x ^= x >> 16
    return (x & 255) - 128


class Gpt2(nn.Module):
    spec = dict(vocabulary=13, context=7, layers=2, heads=2, width=8,
                feed_forward_width=32, key_value_heads=2,
                normalisation="LAYER_NORM", positions="LEARNED",
                feed_forward="FEED_FORWARD_GELU", normalisation_epsilon=1e-5,
                precision="FLOAT32")

    def __init__(self):
        super().__init__()
        s, width = self.spec, self.spec["width"]
        self.tokens = nn.Embedding(s["vocabulary"], width)
        self.positions = nn.Embedding(s["context"], width)
        self.blocks = nn.ModuleList()
        for _ in range(s["layers"]):
            self.blocks.append(nn.ModuleList([
                nn.LayerNorm(width), nn.Linear(width, 3 * width),
                nn.Linear(width, width), nn.LayerNorm(width),
                nn.Linear(width, s["feed_forward_width"]),
                nn.Linear(s["feed_forward_width"], width)]))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens):
        samples, context = tokens.shape
        heads, width = self.spec["heads"], self.spec["width"]
        x = self.tokens(tokens) + self.positions(torch.arange(context))
        future = torch.ones(context, context).triu(1).bool()
        for norm_1, qkv, output, norm_2, up, down in self.blocks:
            q, k, v = (
                part.view(samples, context, heads, -1).transpose(1, 2)
                for part in qkv(norm_1(x)).split(width, dim=2))
            scores = q @ k.transpose(2, 3) / (width // heads) ** 0.5
            weights = scores.masked_fill(future, float("-inf")).softmax(-1)
            attended = (weights @ v).transpose(1, 2).reshape(x.shape)
            x = x + output(attended)
            x = x + down(F.gelu(up(norm_2(x)), approximate="tanh"))
        return self.norm(x) @ self.tokens.weight.T


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(
            x.pow(2).mean(-1, keepdim=True) + 1e-6)


class Llama(nn.Module):
    spec = dict(vocabulary=13, context=9, layers=2, heads=4, width=16,
                feed_forward_width=20, key_value_heads=2,
                normalisation="RMS_NORM", positions="ROTARY",
                feed_forward="FEED_FORWARD_SWIGLU", no_biases="true",
                untied_head="true", rotary_base=10000,
                normalisation_epsilon=1e-6, precision="FLOAT32")

    def __init__(self):
        super().__init__()
        s, width = self.spec, self.spec["width"]
        inner = s["feed_forward_width"]
        shared = width // s["heads"] * s["key_value_heads"]
        self.tokens = nn.Embedding(s["vocabulary"], width)
        self.blocks = nn.ModuleList()
        for _ in range(s["layers"]):
            self.blocks.append(nn.ModuleList([
                RmsNorm(width), nn.Linear(width, width, bias=False),
                nn.Linear(width, shared, bias=False),
                nn.Linear(width, shared, bias=False),
                nn.Linear(width, width, bias=False), RmsNorm(width),
                nn.Linear(width, inner, bias=False),
                nn.Linear(width, inner, bias=False),
                nn.Linear(inner, width, bias=False)]))
        self.norm = RmsNorm(width)
        self.head = nn.Linear(width, s["vocabulary"], bias=False)

    def rotate(self, x):
        context, width = x.shape[2:]
        frequencies = self.spec["rotary_base"] ** (
            -torch.arange(0, width, 2, dtype=torch.float64) / width)
        angles = torch.outer(torch.arange(context).double(), frequencies)
        angles = torch.cat([angles, angles], dim=-1)
        half = torch.cat([-x[..., width // 2:], x[..., :width // 2]], dim=-1)
        return x * angles.cos() + half * angles.sin()

    def forward(self, tokens):
        samples, context = tokens.shape
        heads, shared = self.spec["heads"], self.spec["key_value_heads"]
        head_width = self.spec["width"] // heads
        x = self.tokens(tokens)
        future = torch.ones(context, context).triu(1).bool()
        for norm_1, q, k, v, output, norm_2, gate, up, down in self.blocks:
            normal = norm_1(x)
            q, k, v = (
                part(normal).view(samples, context, -1, head_width)
                .transpose(1, 2) for part in (q, k, v))
            q, k = self.rotate(q), self.rotate(k)
            k, v = (part.repeat_interleave(heads // shared, dim=1)
                    for part in (k, v))
            scores = q @ k.transpose(2, 3) / head_width ** 0.5
            weights = scores.masked_fill(future, float("-inf")).softmax(-1)
            attended = (weights @ v).transpose(1, 2).reshape(x.shape)
            x = x + output(attended)
            normal = norm_2(x)
            x = x + down(F.silu(gate(normal)) * up(normal))
        return self.head(self.norm(x))


def case(model, samples):
    model = model.double()
    spec = model.spec
    first = 0
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            n = parameter.numel()
            parameter.data = torch.tensor(
                [number(first + i) for i in range(n)],
                dtype=torch.float64).view(parameter.shape) / 256
            if isinstance(module, (nn.LayerNorm, RmsNorm)) and name == "weight":
                parameter.data += 1
            first += n
    tokens, labels = (
        torch.tensor([(number(start + i) + 128) % spec["vocabulary"]
                      for i in range(samples * spec["context"])])
        .view(samples, -1) for start in (0, 1000003))
    logits = model(tokens)
    loss = samples * F.cross_entropy(logits.flatten(0, 1), labels.flatten())
    loss.backward()
    print(" ".join(f"{key}: {value}" for key, value in spec.items()))
    print(samples, first, "%.12g" % loss.item())
    for parameter in model.parameters():
        print(" ".join("%.6g" % x for x in parameter.grad.flatten().tolist()))


case(Gpt2(), 3)
case(Llama(), 2)
