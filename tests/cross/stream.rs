//! The weight stream, written from docs/stream.md alone, in its order and with its names.
//!
//! `stream KEYS.csv VECTORS.csv` computes every recorded key and value again and prints how many
//! agree and each one that does not; the status is 1 if there is any. It prefers plain steps to
//! speed and shares nothing with the library but the table of coefficients.

use std::process::ExitCode;
use std::sync::OnceLock;

// ------------------------------------------------------------------------------------------ Keys

const KEY_BYTES: usize = 16;

/// The key of a stream.
fn key_of(seed: &Seed, name: &str) -> [u8; KEY_BYTES] {
    let (kind, bytes) = match seed {
        Seed::Int(bytes) => (b'i', bytes),
        Seed::Bytes(bytes) => (b'b', bytes),
    };
    let mut message = vec![kind];
    message.extend((bytes.len() as u64).to_le_bytes());
    message.extend(bytes);
    message.extend(name.as_bytes());
    blake2b(&message, b"irwinhall stream")
}

/// A seed as the bytes that are hashed.
enum Seed {
    Int(Vec<u8>),
    Bytes(Vec<u8>),
}

/// Two's complement of a decimal number in bit_length // 8 + 1 bytes.
fn twos_complement(decimal: &str) -> Vec<u8> {
    let digits = decimal.trim_start_matches('-');
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            carry += u32::from(*byte) * 10;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    if bytes.last().map_or(true, |&top| top >= 0x80) {
        bytes.push(0);
    }
    if decimal.starts_with('-') {
        let mut carry = true;
        for byte in &mut bytes {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    bytes
}

/// BLAKE2b (RFC 7693) without a key, of 16 bytes, with a personalization.
fn blake2b(message: &[u8], personalization: &[u8; 16]) -> [u8; KEY_BYTES] {
    const START: [u64; 8] = [
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
        0x5BE0CD19137E2179,
    ];
    const BLOCK: usize = 128;
    let mut parameters = [0; 64];
    parameters[0] = KEY_BYTES as u8;
    parameters[2] = 1; // fanout
    parameters[3] = 1; // depth
    parameters[48..].copy_from_slice(personalization);
    let parameters: [u64; 8] = words_of(&parameters);
    let mut state: [u64; 8] = std::array::from_fn(|i| START[i] ^ parameters[i]);

    let blocks = message.len().div_ceil(BLOCK).max(1);
    for i in 0..blocks {
        let end = message.len().min((i + 1) * BLOCK);
        let mut block = [0; BLOCK];
        block[..end - i * BLOCK].copy_from_slice(&message[i * BLOCK..end]);
        let mut work = [0; 16];
        work[..8].copy_from_slice(&state);
        work[8..].copy_from_slice(&START);
        work[12] ^= end as u64;
        if i + 1 == blocks {
            work[14] = !work[14];
        }
        mix_rounds(&mut work, &words_of(&block));
        for j in 0..8 {
            state[j] ^= work[j] ^ work[j + 8];
        }
    }
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&state[0].to_le_bytes());
    key[8..].copy_from_slice(&state[1].to_le_bytes());
    key
}

/// The twelve rounds of BLAKE2b.
fn mix_rounds(work: &mut [u64; 16], message: &[u64; 16]) {
    const ORDERS: [[usize; 16]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ];
    const LANES: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [1, 5, 9, 13],
        [2, 6, 10, 14],
        [3, 7, 11, 15],
        [0, 5, 10, 15],
        [1, 6, 11, 12],
        [2, 7, 8, 13],
        [3, 4, 9, 14],
    ];
    for round in 0..12 {
        let order = ORDERS[round % 10];
        for (i, [a, b, c, d]) in LANES.into_iter().enumerate() {
            for (word, (turn_d, turn_b)) in [(order[2 * i], (32, 24)), (order[2 * i + 1], (16, 63))]
            {
                work[a] = work[a].wrapping_add(work[b]).wrapping_add(message[word]);
                work[d] = (work[d] ^ work[a]).rotate_right(turn_d);
                work[c] = work[c].wrapping_add(work[d]);
                work[b] = (work[b] ^ work[c]).rotate_right(turn_b);
            }
        }
    }
}

/// The little-endian words of an array of bytes.
fn words_of<const N: usize>(bytes: &[u8]) -> [u64; N] {
    std::array::from_fn(|i| u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap()))
}

// ----------------------------------------------------------------------------------------- Words

/// One element of a stream: where its words come from.
struct Element {
    key: [u8; KEY_BYTES],
    index: u64,
    of: Type,
}

impl Element {
    /// The word of a domain; one of 32 bits has zeros above.
    fn word(&self, domain: u32) -> u64 {
        if self.of.is_wide() {
            let output = ars(&self.key, self.index / 2, domain);
            let low = 2 * (self.index % 2) as usize;
            u64::from(output[low + 1]) << 32 | u64::from(output[low])
        } else {
            let output = ars(&self.key, self.index / 4, domain);
            u64::from(output[(self.index % 4) as usize])
        }
    }

    /// The main word.
    fn w(&self) -> u64 {
        self.word(0)
    }

    /// The second word.
    fn e(&self) -> u64 {
        self.word(1)
    }

    /// The main and the second word, which have 32 bits, as one.
    fn both(&self) -> u64 {
        self.w() << 32 | self.e()
    }
}

/// The four output words of ARS with 7 rounds.
fn ars(key: &[u8; KEY_BYTES], block: u64, domain: u32) -> [u32; 4] {
    const ROUNDS: u64 = 7;
    let mut state = [0; 16];
    let counter = [block as u32, (block >> 32) as u32, domain, 1];
    for (bytes, word) in state.chunks_mut(4).zip(counter) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    add_round_key(&mut state, key, 0);
    for round in 1..=ROUNDS {
        state = shifted_rows(state.map(|byte| substitution()[usize::from(byte)]));
        if round < ROUNDS {
            mix_columns(&mut state);
        }
        add_round_key(&mut state, key, round);
    }
    std::array::from_fn(|i| u32::from_le_bytes(state[4 * i..4 * i + 4].try_into().unwrap()))
}

/// AddRoundKey with round key `round`.
fn add_round_key(state: &mut [u8; 16], key: &[u8; KEY_BYTES], round: u64) {
    let [k0, k1] = words_of(key);
    let low = k0.wrapping_add(round.wrapping_mul(0x9E3779B97F4A7C15));
    let high = k1.wrapping_add(round.wrapping_mul(0xBB67AE8584CAA73B));
    let round_key = low.to_le_bytes().into_iter().chain(high.to_le_bytes());
    for (byte, other) in state.iter_mut().zip(round_key) {
        *byte ^= other;
    }
}

/// ShiftRows: row r moves to the left by r columns.
fn shifted_rows(state: [u8; 16]) -> [u8; 16] {
    std::array::from_fn(|i| {
        let (column, row) = (i / 4, i % 4);
        state[4 * ((column + row) % 4) + row]
    })
}

/// MixColumns.
fn mix_columns(state: &mut [u8; 16]) {
    const FACTORS: [u8; 4] = [2, 3, 1, 1];
    for column in state.chunks_mut(4) {
        let mixed: [u8; 4] = std::array::from_fn(|row| {
            (0..4).fold(0, |sum, k| {
                sum ^ field_product(FACTORS[k], column[(row + k) % 4])
            })
        });
        column.copy_from_slice(&mixed);
    }
}

/// The product in the field of 256 elements modulo x^8 + x^4 + x^3 + x + 1.
fn field_product(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while a > 0 {
        if a & 1 == 1 {
            product ^= b;
        }
        a >>= 1;
        b = b << 1 ^ if b >> 7 == 1 { 0x1b } else { 0 };
    }
    product
}

/// The table of SubBytes.
fn substitution() -> &'static [u8; 256] {
    static TABLE: OnceLock<[u8; 256]> = OnceLock::new();
    TABLE.get_or_init(|| {
        std::array::from_fn(|x| {
            let inverse = (0..=255)
                .find(|&y| field_product(x as u8, y) == 1)
                .unwrap_or(0);
            (0..5).fold(0x63, |sum, turn| sum ^ inverse.rotate_left(turn))
        })
    })
}

// ------------------------------------------------------------------- Types and their encodings

#[derive(Clone, Copy, PartialEq)]
enum Type {
    Float64,
    Float32,
    Float16,
    Bfloat16,
    Word64,
    Word32,
}

use Type::{Bfloat16, Float16, Float32, Float64, Word32, Word64};

impl Type {
    fn named(name: &str) -> Type {
        match name {
            "float64" => Float64,
            "float32" => Float32,
            "float16" => Float16,
            "bfloat16" => Bfloat16,
            "int64" | "uint64" => Word64,
            "uint32" => Word32,
            _ => panic!("unknown type {name}"),
        }
    }

    /// Whether an element has a word of 64 bits; the others have 32.
    fn is_wide(self) -> bool {
        matches!(self, Float64 | Word64)
    }

    /// The encoding of +infinity; 0 and the codes below it are the finite values from 0, in order.
    fn infinity(self) -> u64 {
        match self {
            Float64 => 0x7ff0_0000_0000_0000,
            Float32 => 0x7f80_0000,
            Float16 => 0x7c00,
            Bfloat16 => 0x7f80,
            Word64 | Word32 => panic!("not a type of floats"),
        }
    }

    /// The value of a code from 0 to that of infinity.
    fn decoded(self, code: u64) -> f64 {
        match self {
            Float64 => f64::from_bits(code),
            Float32 => f64::from(f32::from_bits(code as u32)),
            Float16 if code == self.infinity() => f64::INFINITY,
            Float16 if code < 1 << 10 => code as f64 * power(-24),
            Float16 => (1024 + code % 1024) as f64 * power((code >> 10) as i32 - 25),
            Bfloat16 => f64::from(f32::from_bits((code as u32) << 16)),
            Word64 | Word32 => panic!("not a type of floats"),
        }
    }

    /// The value of a code with a sign.
    fn value(self, code: i64) -> f64 {
        let size = self.decoded(code.unsigned_abs());
        if code < 0 {
            -size
        } else {
            size
        }
    }

    /// The signed code of the greatest value that fits, when every value up to some one does.
    fn last(self, fits: impl Fn(f64) -> bool) -> i64 {
        let infinity = self.infinity() as i64;
        let (mut yes, mut no) = (-infinity, infinity + 1);
        assert!(
            fits(self.value(yes)),
            "the interval has no value of the type"
        );
        while yes + 1 < no {
            let middle = (yes & no) + ((yes ^ no) >> 1); // their mean, without overflow
            *(if fits(self.value(middle)) {
                &mut yes
            } else {
                &mut no
            }) = middle;
        }
        yes
    }

    /// The greatest value not above `x`.
    fn not_above(self, x: f64) -> f64 {
        self.value(self.last(|value| value <= x))
    }

    /// The greatest value below `x`.
    fn below(self, x: f64) -> f64 {
        self.value(self.last(|value| value < x))
    }

    /// The encoding of `x` rounded to nearest even.
    fn encoding(self, x: f64) -> u64 {
        let size = x.abs();
        let mut code = self.last(|value| value <= size) as u64;
        let before = self.decoded(code);
        if before < size {
            let mut next = self.decoded(code + 1);
            if next.is_infinite() {
                next = before + (before - self.decoded(code - 1));
            }
            let (down, up) = (size - before, next - size);
            code += u64::from(up < down || up == down && code % 2 == 1);
        }
        // The sign is the bit above that of the exponent's highest.
        (u64::from(x.is_sign_negative()) * (self.infinity() + 1).next_power_of_two()) | code
    }

    /// `z * scale`: in double for float64, else `scale` is rounded to single and so is the product.
    fn scaled(self, z: f64, scale: f64) -> f64 {
        if self.is_wide() {
            z * scale
        } else {
            f64::from(z as f32 * scale as f32)
        }
    }

    /// A value computed in double as the value that the cut starts from.
    fn computed(self, x: f64) -> f64 {
        if self.is_wide() {
            x
        } else {
            single(x)
        }
    }
}

/// `x` rounded to single precision.
fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

/// 2^k.
fn power(k: i32) -> f64 {
    assert!((-1022..=1023).contains(&k));
    f64::from_bits(((k + 1023) as u64) << 52)
}

// -------------------------------------------------------------------------- Uniform on (-b, b)

fn uniform(element: &Element, bound: f64) -> f64 {
    if element.of.is_wide() {
        let v = (element.w() & !0x7ff | 0x400) as i64;
        return v as f64 * (bound * power(-63));
    }
    let b32 = Float32.not_above(bound);
    let v = (element.w() as u32 & !0xff | 0x80) as i32;
    let value = f64::from(v as f32 * (b32 as f32 * power(-31) as f32));
    let most = element.of.below(b32);
    value.clamp(-most, most)
}

// ---------------------------------------------------------------------------------- The quantile

/// The tables of src_c/stream/ih_normal_table.h.
struct Tables {
    /// [power][octave]
    normal_f32: Vec<Vec<f64>>,
    /// [16 octave + segment][power]
    normal_f64: Vec<Vec<f64>>,
    tail_edges: Vec<f64>,
    /// [piece]: middle, 1 / half, powers 0 to 13
    tail: Vec<Vec<f64>>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| Tables {
        normal_f32: rows("ih_normal_f32", 16),
        normal_f64: rows("ih_normal_f64", 8),
        tail_edges: table("ih_normal_tail_edges"),
        tail: rows("ih_normal_tail", 16),
    })
}

/// A table of the header in rows of `width` numbers.
fn rows(name: &str, width: usize) -> Vec<Vec<f64>> {
    table(name).chunks(width).map(<[f64]>::to_vec).collect()
}

/// All numbers of a table of the header, in order.
fn table(name: &str) -> Vec<f64> {
    let header = include_str!("../../src_c/stream/ih_normal_table.h");
    let start = header
        .find(&format!(" {name}["))
        .expect("the header has the table");
    let text = &header[start..];
    let text = &text[text.find('=').unwrap()..text.find("};").unwrap()];
    text.split(|c: char| c.is_whitespace() || "{},=".contains(c))
        .filter(|token| !token.is_empty())
        .map(hexadecimal)
        .collect()
}

/// A number such as `-0x1.8p+2f`.
fn hexadecimal(token: &str) -> f64 {
    let (sign, size) = match token.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, token),
    };
    let size = size.strip_prefix("0x").expect("a hexadecimal float");
    let (digits, exponent) = size.trim_end_matches('f').split_once('p').unwrap();
    let (whole, fraction) = digits.split_once('.').unwrap();
    let integer = u64::from_str_radix(&format!("{whole}{fraction}"), 16).unwrap();
    let exponent = exponent.parse::<i32>().unwrap() - 4 * fraction.len() as i32;
    sign * integer as f64 * power(exponent)
}

const DEEP: u32 = 16;

/// `z < 0` of a canonical word of 32 bits, unless its octave is 16 or more.
fn quantile_32(c: u32) -> Option<f64> {
    let octave = c.leading_zeros();
    if octave >= DEEP {
        return None;
    }
    let fraction = (!c | 1) << (octave + 1);
    let t = (fraction >> 1) as f32 * power(-31) as f32;
    let column = tables()
        .normal_f32
        .iter()
        .map(|powers| powers[octave as usize] as f32);
    Some(f64::from(
        column
            .rev()
            .reduce(|z, coefficient| z.mul_add(t, coefficient))
            .unwrap(),
    ))
}

/// `z < 0` of a canonical word of 64 bits, unless its octave is 16 or more.
fn quantile_64(c: u64) -> Option<f64> {
    let octave = c.leading_zeros();
    (octave < DEEP).then(|| in_octave(octave, (!c | 1) << (octave + 1)))
}

/// The N = 64 rule.
fn in_octave(octave: u32, fraction: u64) -> f64 {
    let row = &tables().normal_f64[16 * octave as usize + (fraction >> 60) as usize];
    polynomial(row, (fraction % (1 << 60)) as f64 * power(-60))
}

/// The polynomial with the coefficients of powers 0, 1, ...
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients
        .iter()
        .copied()
        .rev()
        .reduce(|z, coefficient| z.mul_add(x, coefficient))
        .unwrap()
}

/// Q(odd, shift)
fn deep_quantile(odd: u64, shift: u32) -> f64 {
    let lz = odd.leading_zeros();
    if lz + shift < DEEP {
        return in_octave(lz + shift, (!odd | 1) << (lz + 1));
    }
    let f = (odd << lz) as f64 * power(-63);
    let r = (-2.0 * ln_of(f, -((lz + shift + 2) as i32))).sqrt();
    let piece = tables()
        .tail_edges
        .iter()
        .filter(|&&edge| edge <= r)
        .count();
    let row = &tables().tail[piece];
    let x = (r - row[0]) * row[1];
    polynomial(&row[2..], x) - r
}

/// Q of the probability high : low in units of 2^-129.
fn deep_quantile_128(high: u64, low: u64) -> f64 {
    if high == 0 {
        return deep_quantile(low | 1, 64);
    }
    let lz = high.leading_zeros();
    let below = low.checked_shr(64 - lz).unwrap_or(0);
    deep_quantile(high << lz | below | 1, lz)
}

/// `z`, negated if `sign` is odd.
fn signed(z: f64, sign: u64) -> f64 {
    if sign & 1 == 1 {
        -z
    } else {
        z
    }
}

// --------------------------------------------------------------------------------- Normal(0, std)

fn normal(element: &Element, std: f64) -> f64 {
    if std == 0.0 {
        0.0
    } else {
        element.of.scaled(normal_z(element), std)
    }
}

fn normal_z(element: &Element) -> f64 {
    let w = element.w();
    let z = if element.of.is_wide() {
        quantile_64(w).unwrap_or_else(|| {
            let e = element.e();
            deep_quantile_128(w & !1 | e >> 63, e << 1)
        })
    } else {
        quantile_32(w as u32)
            .unwrap_or_else(|| single(deep_quantile((w >> 1) << 33 | element.e() << 1 | 1, 0)))
    };
    signed(z, w)
}

// ------------------------------------------------------------------------------ Truncated normal

/// The constants of a truncated law.
struct Truncation {
    low: f64,
    high: f64,
    scale: f64,
    first: u64,
    span: u64,
}

impl Truncation {
    fn new(std: f64, low: f64, high: f64, corrected: bool) -> Truncation {
        let scale = if corrected {
            std / deviation(low, high)
        } else {
            std
        };
        let (first, last) = (probability(low), probability(high));
        let span = (last - first).clamp(0, i128::from(u64::MAX)) as u64;
        Truncation {
            low,
            high,
            scale,
            first: first as u64,
            span,
        }
    }

    fn is_narrow(&self) -> bool {
        self.span < 1 << 60
    }

    fn is_one_tail(&self) -> bool {
        self.is_narrow() && (self.low >= 1.0 || self.high <= -1.0)
    }
}

/// P(x) = Phi(x) 2^64
fn probability(x: f64) -> i128 {
    let integer = |share: f64| (share * power(64)) as i128;
    if x < -1.0 {
        integer(tail(-x))
    } else if x > 1.0 {
        (1 << 64) - integer(tail(x))
    } else {
        let part = integer(centre(x.abs()));
        (1 << 63) + if x < 0.0 { -part } else { part }
    }
}

fn density(x: f64) -> f64 {
    let h = single(x);
    let factor = hexadecimal("0x1.9884533d43651p-2");
    factor * exp(-0.5 * h * h) * exp(-0.5 * (x - h) * (x + h))
}

fn centre(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for odd in (3..=59).step_by(2) {
        term = term * x * x / f64::from(odd);
        sum += term;
    }
    density(x) * sum
}

fn tail(x: f64) -> f64 {
    if x > 38.0 {
        return 0.0;
    }
    let mut g = x;
    for k in (1..=300).rev() {
        g = x + f64::from(k) / g;
    }
    density(x) / g
}

/// The standard deviation of the normal law cut to low and high.
fn deviation(low: f64, high: f64) -> f64 {
    let peak = if low > 0.0 {
        low
    } else if high < 0.0 {
        high
    } else {
        0.0
    };
    let reach = (peak * peak + 90.0).sqrt();
    let left = low.max(-reach);
    let width = high.min(reach) - left;
    let half_pi = hexadecimal("0x1.921fb54442d18p+0");
    let nodes = || {
        (-112..=112).map(|i| {
            let grown = exp(f64::from(i) * power(-5));
            let u = 0.5 * half_pi * (grown - 1.0 / grown);
            let d = exp(-2.0 * u.abs());
            let share = if u < 0.0 {
                d / (1.0 + d)
            } else {
                1.0 / (1.0 + d)
            };
            let offset = width * share;
            let x = left + width * share;
            let slope = (grown + 1.0 / grown) * d / ((1.0 + d) * (1.0 + d));
            (slope * exp(-0.5 * (x - peak) * (x + peak)), offset)
        })
    };
    let (mut mass, mut mean, mut variance) = (0.0, 0.0, 0.0);
    for (weight, offset) in nodes() {
        mass += weight;
        mean += weight * offset;
    }
    mean /= mass;
    for (weight, offset) in nodes() {
        variance += weight * (offset - mean) * (offset - mean);
    }
    (variance / mass).sqrt()
}

/// The upper half of a product of words of 32 bits.
fn high_32(a: u32, b: u32) -> u32 {
    ((u64::from(a) * u64::from(b)) >> 32) as u32
}

/// The upper half of a product of words of 64 bits.
fn high_64(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

/// The probability (u + 1/2) / 2^32 as a canonical word.
fn canonical_32(u: u32) -> u32 {
    let m = if u >> 31 == 1 { u32::MAX } else { 0 };
    ((u ^ m) << 1).wrapping_sub(m)
}

/// The probability (u + 1/2) / 2^64 as a canonical word.
fn canonical_64(u: u64) -> u64 {
    let m = if u >> 63 == 1 { u64::MAX } else { 0 };
    ((u ^ m) << 1).wrapping_sub(m)
}

fn truncated_z(element: &Element, law: &Truncation) -> f64 {
    if law.is_one_tail() {
        one_tail(element, law)
    } else if element.of.is_wide() {
        one_word_64(element.w(), || element.e(), law)
    } else if law.is_narrow() {
        two_words(element.both(), law)
    } else {
        one_word_32(element.w() as u32, || element.both(), law)
    }
}

fn one_word_32(w: u32, both: impl Fn() -> u64, law: &Truncation) -> f64 {
    let first = (law.first >> 32) as u32;
    let c = canonical_32(first + high_32(w, (law.span >> 32) as u32));
    match quantile_32(c) {
        Some(z) => signed(z, c.into()),
        None => two_words(both(), law),
    }
}

fn two_words(both: u64, law: &Truncation) -> f64 {
    let c = canonical_64(law.first + high_64(both, law.span));
    signed(single(deep_quantile(c | 1, 0)), c)
}

fn one_word_64(w: u64, e: impl Fn() -> u64, law: &Truncation) -> f64 {
    let c = canonical_64(law.first + high_64(w, law.span));
    if let Some(z) = quantile_64(c) {
        return signed(z, c);
    }
    let product = u128::from(law.span) * u128::from(w);
    let mut s = (u128::from(law.first) << 64) + product + u128::from(high_64(e(), law.span));
    let sign = (s >> 127) as u64;
    if sign == 1 {
        s = !s;
    }
    s <<= 1;
    signed(deep_quantile_128((s >> 64) as u64, s as u64), sign)
}

fn one_tail(element: &Element, law: &Truncation) -> f64 {
    let is_upper = law.low > 0.0;
    let (near, far) = if is_upper {
        (law.low, law.high)
    } else {
        (-law.high, -law.low)
    };
    let (mut most, mut least, mut shift) = (tail(near), tail(far), 0);
    while most < 0.5 {
        most *= 2.0;
        least *= 2.0;
        shift += 1;
    }
    let first = (least * power(64)) as u64;
    let span = ((most - least) * power(64)) as u64;
    let word = if element.of.is_wide() {
        element.w()
    } else {
        element.both()
    };
    let z = signed(
        deep_quantile((first + high_64(word, span)) | 1, shift - 1),
        is_upper.into(),
    );
    element.of.computed(z)
}

fn truncated(element: &Element, law: &Truncation) -> f64 {
    if law.scale == 0.0 {
        return 0.0;
    }
    let z = truncated_z(element, law);
    let least = -element.of.not_above(-(law.low * law.scale));
    let most = element.of.not_above(law.high * law.scale);
    assert!(least <= most, "the interval has no value of the type");
    if least == 0.0 && most == 0.0 {
        return 0.0;
    }
    let value = element.of.scaled(z, law.scale).clamp(least, most);
    if value == 0.0 {
        0f64.copysign(z)
    } else {
        value
    }
}

// ------------------------------------------------------------------------ Laws on (low, high)

/// The laws on an open interval.
#[derive(Clone, Copy)]
enum Interval {
    Uniform,
    Log,
    OfUniform,
    InverseSoftplus,
}

impl Interval {
    /// The value of the law in double at `u`.
    fn x(self, low: f64, high: f64, u: f64) -> f64 {
        match self {
            Interval::Uniform => low + (high - low) * u,
            Interval::Log => low * exp(ln(high / low) * u),
            Interval::OfUniform => ln(low + (high - low) * u),
            Interval::InverseSoftplus => inverse_softplus(Interval::Log.x(low, high, u)),
        }
    }

    /// What the law makes of an end.
    fn end(self, end: f64) -> f64 {
        match self {
            Interval::Uniform | Interval::Log => end,
            Interval::OfUniform if end == 0.0 => f64::NEG_INFINITY,
            Interval::OfUniform => ln(end),
            Interval::InverseSoftplus => inverse_softplus(end),
        }
    }
}

/// s(t)
fn inverse_softplus(t: f64) -> f64 {
    if t >= 1.0 {
        return t + ln(1.0 - exp(-t));
    }
    let mut sum = 0.0;
    for k in (2..=19).rev() {
        sum = (1.0 + sum) * t / f64::from(k);
    }
    ln(t + t * sum)
}

/// The middle of the step of the main word.
fn middle(element: &Element) -> f64 {
    if element.of.is_wide() {
        ((element.w() >> 12) as f64 + 0.5) * power(-52)
    } else {
        (element.w() as f64 + 0.5) * power(-32)
    }
}

fn between(element: &Element, law: Interval, low: f64, high: f64) -> f64 {
    let x = law.x(low, high, middle(element));
    let least = -element.of.below(-law.end(low));
    let most = element.of.below(law.end(high));
    assert!(least <= most, "the interval has no value of the type");
    if least == 0.0 && most == 0.0 {
        return 0.0;
    }
    let value = element.of.computed(x).clamp(least, most);
    if value == 0.0 {
        0f64.copysign(x)
    } else {
        value
    }
}

// ------------------------------------------------------------------------------------ exp and ln

/// H and L, the two parts of ln 2
fn ln_2() -> [f64; 2] {
    ["0x1.62e42fee00000p-1", "0x1.a39ef35793c76p-33"].map(hexadecimal)
}

fn exp(x: f64) -> f64 {
    if x < -708.0 {
        return 0.0;
    }
    let [h, l] = ln_2();
    let half = if x < 0.0 { -0.5 } else { 0.5 };
    let k = (x * hexadecimal("0x1.71547652b82fep+0") + half) as i32;
    let r = (x - f64::from(k) * h) - f64::from(k) * l;
    let factorial = |n: u64| (1..=n).product::<u64>() as f64;
    let mut a = 1.0 / factorial(14);
    for n in (0..14).rev() {
        a = a * r + 1.0 / factorial(n);
    }
    a * power(k)
}

/// ln(f, k): the logarithm of f * 2^k
fn ln_of(mut f: f64, mut k: i32) -> f64 {
    if f > hexadecimal("0x1.6a09e667f3bcdp+0") {
        f *= 0.5;
        k += 1;
    }
    let [h, l] = ln_2();
    let s = (f - 1.0) / (f + 1.0);
    let p = s * s;
    let mut a = 1.0 / 23.0;
    for n in (1..=21).rev().step_by(2) {
        a = a * p + 1.0 / f64::from(n);
    }
    (2.0 * s * a + f64::from(k) * l) + f64::from(k) * h
}

/// ln(x) of a positive finite x
fn ln(x: f64) -> f64 {
    assert!(x > 0.0 && x.is_finite(), "ln of {x}");
    let (normal, moved) = if x < power(-1022) {
        (x * power(64), -64)
    } else {
        (x, 0)
    };
    let bits = normal.to_bits();
    let k = (bits >> 52) as i32 - 1023;
    let f = f64::from_bits(bits & !(0x7ff << 52) | 1023 << 52);
    ln_of(f, k + moved)
}

// ------------------------------------------------------------------------------ Integers and bits

fn integer(element: &Element, low: i128, high: i128) -> i128 {
    let span = (high - low) as u128;
    for domain in 0.. {
        let product = u128::from(element.word(domain)) * span;
        if product % (1 << 64) >= (1 << 64) % span {
            return low + (product >> 64) as i128;
        }
    }
    unreachable!("a word is taken after a few tries")
}

// -------------------------------------------------------------------------------------- All laws

enum Law {
    Uniform { bound: f64 },
    Normal { std: f64 },
    Truncated(Truncation),
    Between { law: Interval, low: f64, high: f64 },
    Integers { low: i128, high: i128 },
    Bits,
}

impl Law {
    fn new(name: &str, parameters: &Parameters) -> Law {
        let between = |law| {
            let (low, high) = (parameters.float("low"), parameters.float("high"));
            Law::Between { law, low, high }
        };
        match name {
            "uniform" => Law::Uniform {
                bound: parameters.float("bound"),
            },
            "normal" => Law::Normal {
                std: parameters.float("std"),
            },
            "truncated_normal" => {
                let std = parameters.float("std");
                let (low, high) = (parameters.float("low"), parameters.float("high"));
                if low.is_infinite() && high.is_infinite() {
                    return Law::Normal { std };
                }
                let corrected = parameters.text("corrected") == "true";
                Law::Truncated(Truncation::new(std, low, high, corrected))
            }
            "uniform_between" => between(Interval::Uniform),
            "log_uniform" => between(Interval::Log),
            "log_of_uniform" => between(Interval::OfUniform),
            "inverse_softplus_log_uniform" => between(Interval::InverseSoftplus),
            "integers" => Law::Integers {
                low: parameters.text("low").parse().unwrap(),
                high: parameters.text("high").parse().unwrap(),
            },
            "bits" => Law::Bits,
            _ => panic!("unknown law {name}"),
        }
    }

    /// The bits of an element.
    fn bits(&self, element: &Element) -> u64 {
        let value = match self {
            Law::Uniform { bound } => uniform(element, *bound),
            Law::Normal { std } => normal(element, *std),
            Law::Truncated(law) => truncated(element, law),
            Law::Between { law, low, high } => between(element, *law, *low, *high),
            Law::Integers { low, high } => return integer(element, *low, *high) as u64,
            Law::Bits => return element.w(),
        };
        element.of.encoding(value)
    }
}

// ------------------------------------------------------------------------- The recorded vectors

/// The fields of a row of CSV, of which some are in quotes.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.next_if_eq(&'"').is_some() => {
                fields.last_mut().unwrap().push('"')
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

/// A seed as Python writes it.
fn seed_of(text: &str) -> Seed {
    let Some(quoted) = text.strip_prefix('b') else {
        return Seed::Int(twos_complement(text));
    };
    let mut bytes = Vec::new();
    let mut rest = quoted[1..quoted.len() - 1].chars();
    while let Some(c) = rest.next() {
        let escape = if c == '\\' { rest.next() } else { None };
        bytes.push(match escape {
            None => c as u8,
            Some('t') => b'\t',
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).unwrap()
            }
            Some(itself) => itself as u8,
        });
    }
    Seed::Bytes(bytes)
}

/// The parameters of a law: an object of JSON without nesting.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn new(json: &str) -> Parameters {
        let pairs = json[1..json.len() - 1]
            .split(", ")
            .filter_map(|pair| pair.split_once(": "));
        Parameters(
            pairs
                .map(|(name, value)| (name.replace('"', ""), value.to_string()))
                .collect(),
        )
    }

    fn text(&self, name: &str) -> &str {
        &self
            .0
            .iter()
            .find(|(other, _)| other == name)
            .expect("a parameter of the law")
            .1
    }

    fn float(&self, name: &str) -> f64 {
        self.text(name).parse().expect("a number")
    }
}

/// Check every row of a file: print what disagrees and how many rows agree.
fn check(path: &str, what: &str, disagreement: impl Fn(&[String]) -> Option<String>) -> bool {
    let text = std::fs::read_to_string(path).expect("a file of vectors");
    let (mut rows, mut agreeing) = (0, 0);
    for line in text.lines().skip(1) {
        rows += 1;
        match disagreement(&fields(line)) {
            None => agreeing += 1,
            Some(computed) => println!("{line}\n    computed {computed}"),
        }
    }
    println!("{what}: {agreeing} of {rows} agree");
    rows > 0 && agreeing == rows
}

fn key_disagreement(row: &[String]) -> Option<String> {
    let [seed, name, recorded] = row else {
        panic!("a row of keys has 3 fields")
    };
    let key = key_of(&seed_of(seed), name);
    let computed: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    (computed != *recorded).then_some(computed)
}

fn vector_disagreement(row: &[String]) -> Option<String> {
    let [seed, name, law, parameters, of, first, recorded] = row else {
        panic!("a row of vectors has 7 fields")
    };
    let key = key_of(&seed_of(seed), name);
    let law = Law::new(law, &Parameters::new(parameters));
    let of = Type::named(of);
    let indices = first.parse::<u64>().unwrap()..;
    let computed: Vec<String> = recorded
        .split(' ')
        .zip(indices)
        .map(|(text, index)| {
            let bits = law.bits(&Element { key, index, of });
            format!("{bits:0width$x}", width = text.len())
        })
        .collect();
    let computed = computed.join(" ");
    (computed != *recorded).then_some(computed)
}

fn main() -> ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [keys, vectors] = paths.as_slice() else {
        eprintln!("usage: stream KEYS.csv VECTORS.csv");
        return ExitCode::from(2);
    };
    let keys_agree = check(keys, "keys", key_disagreement);
    let vectors_agree = check(vectors, "vectors", vector_disagreement);
    if keys_agree && vectors_agree {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
