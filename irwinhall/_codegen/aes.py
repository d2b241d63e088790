"""Builder of the AES tables, from the definitions of FIPS-197."""

from __future__ import annotations

from irwinhall._codegen._text import header


def _gf256_multiply(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def aes_sbox() -> list[int]:
    """Return the AES substitution box, from its definition (FIPS-197, 5.1.1)."""
    box = []
    for value in range(256):
        inverse = next((c for c in range(256) if _gf256_multiply(value, c) == 1), 0)
        rotations = [(inverse << k | inverse >> (8 - k)) & 0xFF for k in range(5)]
        box.append(rotations[0] ^ rotations[1] ^ rotations[2] ^ rotations[3] ^ rotations[4] ^ 0x63)
    return box


def aes_table() -> str:
    """Return ih_aes_table.h."""
    box = aes_sbox()
    # Column 0 of MixColumns times the substituted byte, little-endian; other rows are rotations.
    mixed = [_gf256_multiply(s, 2) | s << 8 | s << 16 | _gf256_multiply(s, 3) << 24 for s in box]
    lines = [
        "#include <stdint.h>",
        "",
        "static const uint8_t ih_aes_sbox[256] = {",
        *(
            "    " + ", ".join(f"0x{v:02x}" for v in box[i : i + 16]) + ","
            for i in range(0, 256, 16)
        ),
        "};",
        "",
        "/* [row][byte]: SubBytes then MixColumns of one byte of that row. */",
        "static const uint32_t ih_aes_mixed[4][256] = {",
    ]
    for row in range(4):
        rotated = [(v << 8 * row | v >> (32 - 8 * row)) & 0xFFFFFFFF for v in mixed]
        lines += [
            "    {",
            *(
                "        " + ", ".join(f"0x{v:08x}" for v in rotated[i : i + 8]) + ","
                for i in range(0, 256, 8)
            ),
            "    },",
        ]
    return header(
        "IH_AES_TABLE_H", "AES: the substitution box, and a round's T-tables.", [*lines, "};"]
    )
