"""The memory that a sharded Keras variable of 1 GiB takes: ``python tests/verify/verify_shards.py``.

A Dense kernel of 16384 x 16384, split over 4 devices, is made by an initializer as the layer is
built, and then anew by init_weights. Counted is by how much the most memory that the process ever
holds grows, beyond the shards themselves: 1 GiB when it is built, the old and the new kernel when
it is made anew. Keras' own GlorotUniform is measured too. Writes data/verify_shards.json.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_shards.json"
SIDE, DEVICES = 16384, 4
MIB = 2**20
CASES = ("built", "made anew", "built by Keras' GlorotUniform")
PROGRAM = """
import json, re, sys
from pathlib import Path
import jax, keras, numpy as np
import irwinhall.keras as ik
case, side = sys.argv[1], int(sys.argv[2])
mesh = keras.distribution.DeviceMesh((4,), ["model"], keras.distribution.list_devices())
layouts = keras.distribution.LayoutMap(mesh)
layouts[".*kernel"] = (None, "model")
keras.distribution.set_distribution(keras.distribution.ModelParallel(layout_map=layouts))
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
def layer(units, inputs):
    init = "glorot_uniform" if "Glorot" in case else ik.LetkemanNormalized(seed=1, name="w")
    made = keras.layers.Dense(units, use_bias=False, kernel_initializer=init)
    made.build((None, inputs))
    return made
warm = layer(64, 32)
ik.init_weights(warm, seed=1)
if case == "made anew":
    kept = layer(side, side)
    jax.block_until_ready(kept.kernel.value)
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = peak()
if case == "made anew":
    ik.init_weights(kept, seed=2)
else:
    kept = layer(side, side)
jax.block_until_ready(kept.kernel.value)
shards = [shard.data.nbytes for shard in kept.kernel.value.addressable_shards]
print(json.dumps({"shards": sum(shards), "largest": max(shards), "grown": peak() - before}))
"""


def measure(case, side=SIDE):
    """Return how much memory a case takes, in a process of its own."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, case, str(side)],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES}",
        },
        capture_output=True,
        text=True,
    )
    if finished.returncode:
        raise SystemExit(finished.stderr)
    found = json.loads(finished.stdout)
    return {
        "shards_mib": found["shards"] / MIB,
        "beyond_shards_mib": round((found["grown"] - found["shards"]) / MIB, 1),
    }


def main():
    import jax
    import keras

    record = {"jax": jax.__version__, "keras": keras.__version__, "devices": DEVICES}
    record["cases"] = {case: measure(case) for case in CASES}
    print(json.dumps(record, indent=1))
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
