/* Plain header.
 *
 * NumPy's default random numbers, for many streams at once: drawing.uniforms.
 *
 * A stream is Generator(PCG64(SeedSequence(words))): O'Neill's seed_seq_fe hash of the words and
 * her PCG XSL RR 128/64 generator (https://www.pcg-random.org), whose doubles are the upper 53
 * bits. */

#ifndef CENTAURUS_STREAMS_H
#define CENTAURUS_STREAMS_H

#include <stdint.h>

/* A number of 128 bits. */
typedef struct {
    uint64_t high, low;
} Wide;

static Wide wide_add(Wide a, Wide b)
{
    const Wide sum = {a.high + b.high + (a.low + b.low < a.low), a.low + b.low};
    return sum;
}

/* The lower 128 bits of a product, by halves: not every compiler has such numbers of its own. */
static Wide wide_multiply(Wide a, Wide b)
{
    const uint64_t mask = 0xffffffffu;
    const uint64_t a0 = a.low & mask, a1 = a.low >> 32, b0 = b.low & mask, b1 = b.low >> 32;
    const uint64_t low = a0 * b0, cross = a1 * b0 + (low >> 32), other = a0 * b1 + (cross & mask);
    const Wide product = {a1 * b1 + (cross >> 32) + (other >> 32) + a.high * b.low + a.low * b.high,
                          (other << 32) | (low & mask)};
    return product;
}

static Wide next_state(Wide state, Wide increment)
{
    const Wide multiplier = {2549297995355413924u, 4865540595714422341u};
    return wide_add(wide_multiply(state, multiplier), increment);
}

static uint32_t hash_word(uint32_t value, uint32_t *key, uint32_t multiplier)
{
    value ^= *key;
    *key *= multiplier;
    value *= *key;
    return value ^ value >> 16;
}

static uint32_t mix_words(uint32_t a, uint32_t b)
{
    const uint32_t mixed = 0xca01f9ddu * a - 0x4973f715u * b;
    return mixed ^ mixed >> 16;
}

/* Four words of entropy from any number of them. */
static void pool_of(const uint32_t *words, int64_t n_words, uint32_t pool[4])
{
    uint32_t key = 0x43b0d7e5u;
    for (int64_t i = 0; i < 4; i++)
        pool[i] = hash_word(i < n_words ? words[i] : 0, &key, 0x931e8875u);
    for (int source = 0; source < 4; source++)
        for (int target = 0; target < 4; target++)
            if (source != target)
                pool[target] =
                    mix_words(pool[target], hash_word(pool[source], &key, 0x931e8875u));
    for (int64_t i = 4; i < n_words; i++)
        for (int target = 0; target < 4; target++)
            pool[target] = mix_words(pool[target], hash_word(words[i], &key, 0x931e8875u));
}

/* The first n numbers, from 0 to below 1, of the stream that some words seed. */
static void stream_of(const uint32_t *words, int64_t n_words, int64_t n, double *out)
{
    uint32_t pool[4], key = 0x8b51f9ddu;
    uint64_t seeds[4];
    pool_of(words, n_words, pool);
    for (int i = 0; i < 4; i++) {
        const uint64_t low = hash_word(pool[2 * i % 4], &key, 0x58f38dedu);
        seeds[i] = low | (uint64_t)hash_word(pool[(2 * i + 1) % 4], &key, 0x58f38dedu) << 32;
    }
    const Wide begin = {seeds[0], seeds[1]};
    const Wide increment = {seeds[2] << 1 | seeds[3] >> 63, seeds[3] << 1 | 1};
    Wide state = next_state(wide_add(increment, begin), increment);
    for (int64_t i = 0; i < n; i++) {
        state = next_state(state, increment);
        const uint64_t folded = state.high ^ state.low, turn = state.high >> 58;
        const uint64_t bits = folded >> turn | folded << (64 - turn) % 64;
        out[i] = (double)(bits >> 11) * (1.0 / 9007199254740992.0);
    }
}

#endif
