/* The weight stream: arrays of random weights whose element i depends only on (key, i).
 *
 * Every function returns IH_OK or a negative status, allocates nothing, prints nothing and may be
 * called from many threads at once. docs/stream.md defines the bits.
 */
#ifndef IH_FILL_H
#define IH_FILL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the stream's definition: the last word of every counter. */
#define IH_STREAM_VERSION 1
/* The largest number of dimensions of a region. */
#define IH_MAX_DIMENSIONS 64

enum ih_status {
    IH_OK = 0,
    IH_ERROR_NULL = -1,       /* a pointer is missing */
    IH_ERROR_KERNEL = -2,     /* unknown kernel, or not supported by this machine */
    IH_ERROR_SCALE = -3,      /* bound, std or an end is not finite or out of range */
    IH_ERROR_INTERVAL = -4,   /* low >= high, NaN, or no value of the type in between */
    IH_ERROR_FAR_TAIL = -5,   /* the whole interval is beyond IH_TRUNCATION_LIMIT */
    IH_ERROR_DIMENSIONS = -6, /* ndim negative or above IH_MAX_DIMENSIONS */
    IH_ERROR_SHAPE = -7,      /* the global shape has 2^64 elements or more */
    IH_ERROR_REGION = -8,     /* the region is not inside the global shape */
    IH_ERROR_DTYPE = -9,      /* unknown element type, or one that the law does not support */
    IH_ERROR_LAW = -10,       /* unknown law */
    IH_ERROR_THREADS = -11,   /* threads < 1 */
    IH_ERROR_ROUNDS = -12     /* rounds outside 1..IH_MAX_ROUNDS */
};

/* A 128-bit stream key; word[0] is the low half (little-endian). Make keys by hashing seeds. */
typedef struct {
    uint64_t word[2];
} ih_key;

enum ih_law_kind {
    IH_UNIFORM = 0,          /* on (-bound, bound) */
    IH_NORMAL = 1,           /* with mean 0 */
    IH_TRUNCATED_NORMAL = 2, /* the same, truncated */
    IH_UNIFORM_BETWEEN = 3,  /* on (low, high) */
    IH_LOG_UNIFORM = 4,      /* exp of a uniform on (ln low, ln high) */
    IH_LOG_OF_UNIFORM = 5,   /* ln of a uniform on (low, high) */
    IH_INVERSE_SOFTPLUS = 6, /* the x whose ln(1 + e^x) is log-uniform on (low, high) */
    IH_INTEGERS = 7,         /* low, low + 1, ..., low + span - 1 */
    IH_BITS = 8,             /* the words as they are */
    IH_LAW_KINDS = 9
};

enum ih_dtype {
    IH_F32 = 0,
    IH_F64 = 1,
    IH_F16 = 2,
    IH_BF16 = 3,
    IH_U32 = 4, /* bits */
    IH_U64 = 5, /* bits; integers, in two's complement if low is negative */
    IH_DTYPES = 6
};

/* The state of the memory to fill. It affects the speed, not the bytes. */
enum ih_memory {
    IH_MEMORY_UNKNOWN = 0, /* ask the operating system, if possible */
    IH_MEMORY_FRESH = 1,   /* pages never written: plain stores are faster */
    IH_MEMORY_TOUCHED = 2  /* pages in use: streaming stores are faster beyond the caches */
};

/* Truncation bounds closer to 0 than this number of standard deviations are exact to double
 * precision. An interval wholly beyond it is an error, because its probability is too small for a
 * normal double. */
#define IH_TRUNCATION_LIMIT 37.0

/* How the truncated law maps words to probabilities. */
enum ih_draw {
    IH_DRAW_ONE_WORD = 0,  /* wide intervals: 32 bits are enough; tails draw a second word */
    IH_DRAW_TWO_WORDS = 1, /* narrow intervals: 32-bit types always draw two words */
    IH_DRAW_ONE_TAIL = 2   /* narrow intervals in a tail: two words, floating-point probabilities */
};

/* A prepared law, made by the ih_law_* functions. */
typedef struct {
    int kind;             /* enum ih_law_kind */
    int draw;             /* truncated: enum ih_draw */
    int tail_shift;       /* truncated, one tail: probabilities are scaled by 2^tail_shift */
    int positive;         /* truncated, one tail: the tail is the upper one */
    double scale;         /* uniform: the bound; normal: the factor; else 1 */
    double low, high;     /* truncated: the least and the greatest value, scale included; of an
                             interval: the ends of the values */
    uint64_t first, span; /* truncated: the probability interval on the scale 2^-64; integers: low,
                             and how many */
    double deviation;     /* truncated: standard deviation of the unscaled law; else 1 */
    double from, width;   /* of an interval: the range of the scaled words */
} ih_law;

/* Make the uniform law on the open interval (-bound, bound). */
int ih_law_uniform(ih_law *law, double bound);

/* Make the normal law with mean 0 and the given standard deviation. */
int ih_law_normal(ih_law *law, double std);

/* Make the normal law truncated to [low, high], in standard deviations of the normal. std is the
 * standard deviation of the truncated law if corrected is nonzero, else that of the normal. Either
 * bound may be infinite. The numbers are the same on every machine: only +, -, *, / and sqrt in
 * double precision compute them. */
int ih_law_truncated_normal(ih_law *law, double std, double low, double high, int corrected);

/* Make a law on the open interval (low, high), of a kind from IH_UNIFORM_BETWEEN to
 * IH_INVERSE_SOFTPLUS. Each value is drawn from one word and is never an end of the interval of
 * results, so values on a positive interval are never 0, and no value is infinite. high - low must
 * be finite, and positive ends must be normal doubles. From IH_LOG_UNIFORM on, both ends must be
 * positive; only low of IH_LOG_OF_UNIFORM may be 0, and its high must be at least
 * IH_LEAST_OF_LOGARITHM (below it, sums in the interval may be subnormal). high / low of the
 * log-uniform laws must be at most IH_GREATEST_RATIO. */
int ih_law_interval(ih_law *law, int kind, double low, double high);
#define IH_GREATEST_RATIO 0x1p1000
#define IH_LEAST_OF_LOGARITHM 0x1p-960

/* Make the law of the integers low, low + 1, ..., low + span - 1, all equally likely; span 0 means
 * 2^64. */
int ih_law_integers(ih_law *law, int64_t low, uint64_t span);

/* Make the law of the raw words. */
int ih_law_bits(ih_law *law);

/* Write the least bound of a uniform law in an element type, the greatest scale of any law, and the
 * least positive value of the type. The normal laws have no least scale: 0 gives zeros. */
int ih_type_limits(int dtype, double *least_uniform, double *greatest, double *least);

/* Check that an element type supports a law: with its scale every product must be exact, and its
 * interval, if it has one, must contain a value of the type. */
int ih_law_check(const ih_law *law, int dtype);

/* The number of compiled kernels. Index 0 is the best. */
int ih_kernel_count(void);

/* The name of kernel index, or NULL. */
const char *ih_kernel_name(int index);

/* 1 if this machine can run kernel index, else 0. */
int ih_kernel_supported(int index);

/* The index of a kernel by name (NULL: the best supported), or IH_ERROR_KERNEL if there is no
 * kernel of this name or this machine cannot run it. */
int ih_kernel_find(const char *name);

/* Fill the region [start, start + count) of the C-ordered array global_shape.
 *
 * Element (0, ..., 0) of the region is written to out, its neighbour along axis k strides[k] bytes
 * later. Strides may be negative and in any order, but elements must not overlap; out need not be
 * aligned. threads is the largest number of threads to use. kernel is an index from ih_kernel_find.
 * The value of an element depends only on the key, the law, the type and its flat index in the
 * global array. */
int ih_fill(const ih_key *key, const ih_law *law, int dtype, int ndim, const uint64_t *global_shape,
            const uint64_t *start, const uint64_t *count, const ptrdiff_t *strides, void *out,
            int threads, int memory, int kernel);

/* Write blocks x 4 raw words of the generator (7 rounds) from block first on: the words of the
 * 32-bit elements 4 * first, 4 * first + 1, ... */
int ih_words(const ih_key *key, uint64_t first, uint32_t domain, size_t blocks, uint32_t *out,
             int kernel);

/* The ARS block function with any number of rounds, portable: out = ARS-rounds(counter, key). */
int ih_ars(const uint32_t counter[4], const uint32_t key[4], int rounds, uint32_t out[4]);

/* One AES encryption round (FIPS-197): SubBytes, ShiftRows, MixColumns unless last, AddRoundKey. */
void ih_aes_round(uint32_t state[4], const uint32_t round_key[4], int last);

/* The normal quantile of the stream's f64 values: Phi^-1(q), q = odd * 2^-(65 + shift), odd an odd
 * integer; the result is negative. */
double ih_normal_quantile(uint64_t odd, int shift);

#ifdef __cplusplus
}
#endif

#endif
