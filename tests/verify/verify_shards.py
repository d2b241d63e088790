"""Measure the memory of a sharded 1 GiB Keras variable: ``python tests/verify/verify_shards.py``.

Makes a kernel of 16384 x 16384, split over 4 devices, in several ways, each in its own process.
Measures how much the peak memory of the process exceeds the shards of the new kernel. Writes
data/verify_shards.json, which the suite checks.
"""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

RECORD = Path(__file__).resolve().parents[1] / "data" / "verify_shards.json"
SIDE, DEVICES = 16384, 4
MIB = 2**20
# An initializer called with a layout; a kernel made anew by init_weights; a layer built with an
# initializer, whose array Keras copies; a layer built with Keras' own initializer.
CASES = ("called", "made anew", "built", "built by Keras")
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
    init = "glorot_uniform" if case == "built by Keras" else ik.LetkemanNormalized(seed=1, name="w")
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
elif case == "called":
    init = ik.LetkemanNormalized(seed=1, name="w")
    value = init((side, side), layout=layouts["a/kernel"])
else:
    kept = layer(side, side)
if case != "called":
    value = kept.kernel.value
jax.block_until_ready(value)
shards = [shard.data.nbytes for shard in value.addressable_shards]
assert len(shards) == 4
print(json.dumps({"shards": sum(shards), "grown": peak() - before}))
"""


def measure(case, side=SIDE):
    """Return the memory that a case uses in its own process."""
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
    record = {"jax": version("jax"), "keras": version("keras"), "devices": DEVICES}
    record["cases"] = {case: measure(case) for case in CASES}
    print(json.dumps(record, indent=1))
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
