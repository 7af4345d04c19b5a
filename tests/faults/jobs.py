"""The jobs that meet faults, and their data.

    job = JOBS["gpt"]
    write_data(directory)
    text = job.text(name="gpt", steps=3000)

Small, so that a process is started, lost and rolled back in a moment, but with
what can go wrong: blocks on two servers, clipping across them, validation,
dropout, checkpoints all the while.
"""

import dataclasses

from tests.integration import harness

TEXT = "/usr/share/common-licenses/GPL-3"
TEXT_BYTES = 20000
CHECKPOINT_STEPS = 20
MICRO_BATCHES = 8

_GPT = """model { gpt { vocabulary: 256 context: 32 layers: 2 heads: 2 width: 32
               dropout: 0.1 } }
data { text { files: "text" validation_share: 0.05 } }
optimizer { adamw {} clip_global_norm: 1 }
learning_rate { base: 1e-3 }
"""
# MNIST's shape: images of 28 x 28, ten classes.
_MNIST = """model { mlp { layer_sizes: [ 784, 32, 10 ] dropout: 0.1 } }
data { idx { directory: "images" } partition: RANDOM }
optimizer { adam {} clip_global_norm: 1 }
learning_rate { base: 1e-3 }
"""
_COMMON = """name: "%(name)s"
schedule { steps: %(steps)d global_batch: 32 micro_batches: %(micro_batches)d }
placement { block_elements: 4096 }
checkpoint { every_steps: %(checkpoint)d keep_last: 3 }
"""
_TWO_SERVERS = "resources { workers: 2 servers: 2 }\n"
_REPLICAS = "resources { workers: 2 servers: 2 replicas: 2 }\n"


@dataclasses.dataclass(frozen=True)
class Kind:
    """same_bits: it ends as if nothing had been; otherwise it is audited."""
    model: str
    more: str
    same_bits: bool = True

    def text(self, name, steps, checkpoint_steps=CHECKPOINT_STEPS):
        return self.model + self.more + _COMMON % {
            "name": name, "steps": steps, "micro_batches": MICRO_BATCHES,
            "checkpoint": checkpoint_steps}


def _mode(mode):
    return (f"synchronisation {{ mode: {mode} audit: true }}\n"
            "scheduling { policy: DYNAMIC }\n" + _TWO_SERVERS)


JOBS = {
    "gpt": Kind(_GPT, _TWO_SERVERS),
    "mnist": Kind(_MNIST, _TWO_SERVERS),
    "dynamic": Kind(_GPT, _TWO_SERVERS + "scheduling { policy: DYNAMIC }\n"),
    "replicas": Kind(_GPT, _REPLICAS),
    "asynchronous": Kind(_MNIST, _mode("ASYNCHRONOUS"), same_bits=False),
    "asynchronous-gpt": Kind(_GPT, _mode("ASYNCHRONOUS"), same_bits=False),
    "bounded": Kind(_MNIST, _mode("BOUNDED_STALENESS staleness: 3"),
                    same_bits=False),
}


def write_data(directory):
    with open(TEXT, "rb") as file:
        text = file.read(TEXT_BYTES)
    with open(f"{directory}/text", "wb") as file:
        file.write(text)
    harness.write_idx(f"{directory}/images", training=2000, validation=200,
                      side=28, classes=10)
