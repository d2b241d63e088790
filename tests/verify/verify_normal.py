"""Check every float32 normal value of one word: ``python tests/verify/verify_normal.py``.

There are 2^31 - 2^15 positive values; the negative ones differ only in sign. It takes a few minutes
and writes the worst errors of each octave to data/verify_normal.json; the suite compares
docs/stream.md with this record.
"""

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1] / "src_c"
TABLE = SOURCES / "stream" / "ih_normal_table.h"
RECORD = HERE.parent / "data" / "verify_normal.json"


def table_digest():
    """Return the hash of the table from which the values are computed."""
    return hashlib.sha256(TABLE.read_bytes()).hexdigest()


def octaves(compiler="cc"):
    """Yield (octave, values, worst absolute error, worst error in units in the last place)."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "verify_normal"
        flags = ["-std=gnu11", "-O3", "-march=native", "-ffp-contract=off", f"-I{SOURCES}"]
        sources = [HERE / "verify_normal.c", SOURCES / "stream" / "ih_ars.c"]
        subprocess.run([compiler, *flags, *sources, "-o", program, "-lm"], check=True)
        with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout:
                octave, values, worst, ulp = line.split()
                yield int(octave), int(values), float(worst), float(ulp)


def main():
    """Print a line for each octave and write the record."""
    rows = []
    for octave, values, worst, ulp in octaves():
        print(
            f"octave {octave}: {values} values, worst error {worst:.3g}, {ulp:.3g} ulp", flush=True
        )
        rows.append({"octave": octave, "values": values, "worst": worst, "worst_ulp": ulp})
    record = {"table": table_digest(), "octaves": rows}
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
