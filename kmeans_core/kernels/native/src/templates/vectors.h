/* Template header, once per instruction set.
 *
 * The few vector operations that the hot loops need.
 *
 * A variant sets V (a vector of W doubles), L (a vector of W cluster numbers) and the operations on
 * them, TARGET (what the compiler may use in a function) and NAME (its suffix). CENTAURUS_VARIANT
 * says which one; the definitions of the last one are removed first.
 *
 * TAKE(best, winner, score, k): where score > best, both become those of cluster k. Not where they
 * are equal: ties stay with the lower cluster. A score that is not a number never wins.
 * TILE_MOST: clusters whose scores of 4 W points fit into the registers together.
 * WHERE_ABOVE(score, best, a, b): a where score > best, else b.
 * JOIN_UNLESS_BELOW(sets, a, b, bit): bit into each of W sets in memory unless a < b.
 * ONE_WHERE_EQUAL: 1 where two vectors are equal, else 0.
 * TIMES_POWER_OF_TWO(a, n): a 2^k with k the lowest bits of n, by adding to a's exponent.
 * STORE_LABELS: 4 W cluster numbers, at most 255, as bytes. */

#ifndef CENTAURUS_VECTORS_H
#define CENTAURUS_VECTORS_H

#include "../plain/problem.h"

/* A template that is opened alone, in an editor or by a checker, gets one variant. */
#ifndef CENTAURUS_VARIANT
#define CENTAURUS_VARIANT VARIANT_OF_ALL
#endif

#undef NAME
#undef TARGET
#undef TILE_MOST
#undef W
#undef V
#undef L
#undef LOAD
#undef STORE
#undef SET1
#undef ADD
#undef SUB
#undef MUL
#undef DIV
#undef FMA
#undef MAX
#undef MIN
#undef ABS
#undef JOIN_UNLESS_BELOW
#undef WHERE_ABOVE
#undef LOAD_L
#undef STORE_L
#undef SET1_L
#undef TAKE
#undef STORE_LABELS
#undef ONE_WHERE_EQUAL
#undef TIMES_POWER_OF_TWO

#ifndef JOIN
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#endif

#if CENTAURUS_VARIANT == VARIANT_AVX512

#define NAME(x) JOIN(x, _avx512)
#define TARGET __attribute__((target("avx512f,avx512dq,avx2,fma")))
#define TILE_MOST 6
#define W 8
#define V __m512d
#define L __m512i
#define LOAD(p) _mm512_loadu_pd(p)
#define STORE(p, a) _mm512_storeu_pd(p, a)
#define SET1(x) _mm512_set1_pd(x)
#define ADD(a, b) _mm512_add_pd(a, b)
#define SUB(a, b) _mm512_sub_pd(a, b)
#define MUL(a, b) _mm512_mul_pd(a, b)
#define DIV(a, b) _mm512_div_pd(a, b)
#define FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define MAX(a, b) _mm512_max_pd(a, b)
#define MIN(a, b) _mm512_min_pd(a, b)
#define ABS(a) _mm512_abs_pd(a)
#define WHERE_ABOVE(score, best, a, b) \
    _mm512_mask_mov_pd(b, _mm512_cmp_pd_mask(score, best, _CMP_GT_OQ), a)
#define JOIN_UNLESS_BELOW(sets, a, b, bit)                                    \
    do {                                                                      \
        const __m512i sets_ = _mm512_loadu_si512(sets);                       \
        _mm512_storeu_si512(sets, _mm512_mask_or_epi64(                       \
                                      sets_, _mm512_cmp_pd_mask(a, b, _CMP_NLT_UQ), sets_, \
                                      _mm512_set1_epi64((int64_t)(bit))));    \
    } while (0)
#define LOAD_L(p) _mm512_loadu_si512(p)
#define STORE_L(p, a) _mm512_storeu_si512(p, a)
#define SET1_L(k) _mm512_set1_epi64(k)
#define TAKE(best, winner, score, k)                                          \
    do {                                                                      \
        __mmask8 better_ = _mm512_cmp_pd_mask(score, best, _CMP_GT_OQ);       \
        best = _mm512_max_pd(score, best);                                    \
        winner = _mm512_mask_mov_epi64(winner, better_, k);                   \
    } while (0)
#define ONE_WHERE_EQUAL(a, b) \
    _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ), _mm512_set1_pd(1.0))
#define TIMES_POWER_OF_TWO(a, n) \
    _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), \
                                         _mm512_slli_epi64(_mm512_castpd_si512(n), 52)))
/* Sixteen bytes at a time, as they are read again: a load waits for two smaller stores. */
#define STORE_LABELS(p, a, b, c, d)                                           \
    do {                                                                      \
        _mm_storeu_si128((__m128i *)(void *)(p),                              \
                         _mm_unpacklo_epi64(_mm512_cvtepi64_epi8(a), _mm512_cvtepi64_epi8(b))); \
        _mm_storeu_si128((__m128i *)(void *)((p) + 16),                       \
                         _mm_unpacklo_epi64(_mm512_cvtepi64_epi8(c), _mm512_cvtepi64_epi8(d))); \
    } while (0)

#elif CENTAURUS_VARIANT == VARIANT_AVX2

#define NAME(x) JOIN(x, _avx2)
#define TARGET __attribute__((target("avx2,fma")))
#define TILE_MOST 3
#define W 4
#define V __m256d
#define L __m256d
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, a) _mm256_storeu_pd(p, a)
#define SET1(x) _mm256_set1_pd(x)
#define ADD(a, b) _mm256_add_pd(a, b)
#define SUB(a, b) _mm256_sub_pd(a, b)
#define MUL(a, b) _mm256_mul_pd(a, b)
#define DIV(a, b) _mm256_div_pd(a, b)
#define FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define MAX(a, b) _mm256_max_pd(a, b)
#define MIN(a, b) _mm256_min_pd(a, b)
#define ABS(a) _mm256_andnot_pd(_mm256_set1_pd(-0.0), a)
#define WHERE_ABOVE(score, best, a, b) \
    _mm256_blendv_pd(b, a, _mm256_cmp_pd(score, best, _CMP_GT_OQ))
#define JOIN_UNLESS_BELOW(sets, a, b, bit)                                    \
    do {                                                                      \
        __m256i *sets_ = (__m256i *)(void *)(sets);                           \
        const __m256i not_below_ = _mm256_castpd_si256(_mm256_cmp_pd(a, b, _CMP_NLT_UQ)); \
        _mm256_storeu_si256(                                                  \
            sets_, _mm256_or_si256(_mm256_loadu_si256(sets_),                 \
                                   _mm256_and_si256(not_below_,               \
                                                    _mm256_set1_epi64x((int64_t)(bit))))); \
    } while (0)
#define LOAD_L(p) _mm256_loadu_pd(p)
#define STORE_L(p, a) _mm256_storeu_pd(p, a)
#define SET1_L(k) _mm256_set1_pd((double)(k))
#define TAKE(best, winner, score, k)                                          \
    do {                                                                      \
        __m256d better_ = _mm256_cmp_pd(score, best, _CMP_GT_OQ);             \
        best = _mm256_max_pd(score, best);                                    \
        winner = _mm256_blendv_pd(winner, k, better_);                        \
    } while (0)
#define ONE_WHERE_EQUAL(a, b) _mm256_and_pd(_mm256_cmp_pd(a, b, _CMP_EQ_OQ), _mm256_set1_pd(1.0))
#define TIMES_POWER_OF_TWO(a, n) \
    _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), \
                                         _mm256_slli_epi64(_mm256_castpd_si256(n), 52)))
#define STORE_LABELS(p, a, b, c, d)                                           \
    _mm_storeu_si128((__m128i *)(void *)(p),                                  \
                     _mm_packus_epi16(                                        \
                         _mm_packs_epi32(_mm256_cvtpd_epi32(a), _mm256_cvtpd_epi32(b)), \
                         _mm_packs_epi32(_mm256_cvtpd_epi32(c), _mm256_cvtpd_epi32(d))))

#elif CENTAURUS_VARIANT == VARIANT_SSE2

#define NAME(x) JOIN(x, _sse2)
#define TARGET
#define TILE_MOST 2
#define W 2
#define V __m128d
#define L __m128d
#define LOAD(p) _mm_loadu_pd(p)
#define STORE(p, a) _mm_storeu_pd(p, a)
#define SET1(x) _mm_set1_pd(x)
#define ADD(a, b) _mm_add_pd(a, b)
#define SUB(a, b) _mm_sub_pd(a, b)
#define MUL(a, b) _mm_mul_pd(a, b)
#define DIV(a, b) _mm_div_pd(a, b)
#define FMA(a, b, c) _mm_add_pd(_mm_mul_pd(a, b), c)
#define MAX(a, b) _mm_max_pd(a, b)
#define MIN(a, b) _mm_min_pd(a, b)
#define ABS(a) _mm_andnot_pd(_mm_set1_pd(-0.0), a)
#define WHERE_ABOVE(score, best, a, b)                                        \
    _mm_or_pd(_mm_and_pd(_mm_cmpgt_pd(score, best), a),                       \
              _mm_andnot_pd(_mm_cmpgt_pd(score, best), b))
#define JOIN_UNLESS_BELOW(sets, a, b, bit)                                    \
    do {                                                                      \
        __m128i *sets_ = (__m128i *)(void *)(sets);                           \
        const __m128i not_below_ = _mm_castpd_si128(_mm_cmpnlt_pd(a, b));     \
        _mm_storeu_si128(sets_, _mm_or_si128(_mm_loadu_si128(sets_),          \
                                             _mm_and_si128(not_below_,        \
                                                           _mm_set1_epi64x((int64_t)(bit))))); \
    } while (0)
#define LOAD_L(p) _mm_loadu_pd(p)
#define STORE_L(p, a) _mm_storeu_pd(p, a)
#define SET1_L(k) _mm_set1_pd((double)(k))
#define TAKE(best, winner, score, k)                                          \
    do {                                                                      \
        __m128d better_ = _mm_cmpgt_pd(score, best);                          \
        best = _mm_max_pd(score, best);                                       \
        winner = _mm_or_pd(_mm_and_pd(better_, k), _mm_andnot_pd(better_, winner)); \
    } while (0)
#define ONE_WHERE_EQUAL(a, b) _mm_and_pd(_mm_cmpeq_pd(a, b), _mm_set1_pd(1.0))
#define TIMES_POWER_OF_TWO(a, n) \
    _mm_castsi128_pd( \
        _mm_add_epi64(_mm_castpd_si128(a), _mm_slli_epi64(_mm_castpd_si128(n), 52)))
#define STORE_LABELS(p, a, b, c, d)                                           \
    _mm_storel_epi64(                                                         \
        (__m128i *)(void *)(p),                                               \
        _mm_packus_epi16(                                                     \
            _mm_packs_epi32(_mm_unpacklo_epi64(_mm_cvtpd_epi32(a), _mm_cvtpd_epi32(b)),   \
                            _mm_unpacklo_epi64(_mm_cvtpd_epi32(c), _mm_cvtpd_epi32(d))),  \
            _mm_setzero_si128()))

#elif CENTAURUS_VARIANT == VARIANT_NEON

#define NAME(x) JOIN(x, _neon)
#define TARGET
#define TILE_MOST 6
#define W 2
#define V float64x2_t
#define L uint64x2_t
#define LOAD(p) vld1q_f64(p)
#define STORE(p, a) vst1q_f64(p, a)
#define SET1(x) vdupq_n_f64(x)
#define ADD(a, b) vaddq_f64(a, b)
#define SUB(a, b) vsubq_f64(a, b)
#define MUL(a, b) vmulq_f64(a, b)
#define DIV(a, b) vdivq_f64(a, b)
#define FMA(a, b, c) vfmaq_f64(c, a, b)
#define MAX(a, b) vmaxnmq_f64(a, b)
#define MIN(a, b) vminnmq_f64(a, b)
#define ABS(a) vabsq_f64(a)
#define WHERE_ABOVE(score, best, a, b) vbslq_f64(vcgtq_f64(score, best), a, b)
#define JOIN_UNLESS_BELOW(sets, a, b, bit) \
    vst1q_u64(sets, vorrq_u64(vld1q_u64(sets), vbicq_u64(vdupq_n_u64(bit), vcltq_f64(a, b))))
#define LOAD_L(p) vld1q_u64((const uint64_t *)(const void *)(p))
#define STORE_L(p, a) vst1q_u64((uint64_t *)(void *)(p), a)
#define SET1_L(k) vdupq_n_u64((uint64_t)(k))
#define TAKE(best, winner, score, k)                                          \
    do {                                                                      \
        uint64x2_t better_ = vcgtq_f64(score, best);                          \
        best = vbslq_f64(better_, score, best);                               \
        winner = vbslq_u64(better_, k, winner);                               \
    } while (0)
#define ONE_WHERE_EQUAL(a, b) \
    vreinterpretq_f64_u64(vandq_u64(vceqq_f64(a, b), vreinterpretq_u64_f64(vdupq_n_f64(1.0))))
#define TIMES_POWER_OF_TWO(a, n) \
    vreinterpretq_f64_u64(vaddq_u64(vreinterpretq_u64_f64(a), \
                                    vshlq_n_u64(vreinterpretq_u64_f64(n), 52)))
#define STORE_LABELS(p, a, b, c, d)                                           \
    vst1_u8(p, vmovn_u16(vcombine_u16(                                        \
                   vmovn_u32(vcombine_u32(vmovn_u64(a), vmovn_u64(b))),       \
                   vmovn_u32(vcombine_u32(vmovn_u64(c), vmovn_u64(d))))))

#else /* any other processor: one number at a time */

static inline double times_power_of_two(double a, double n)
{
    uint64_t bits, power;
    memcpy(&bits, &a, 8);
    memcpy(&power, &n, 8);
    bits += power << 52;
    memcpy(&a, &bits, 8);
    return a;
}

#define NAME(x) JOIN(x, _scalar)
#define TARGET
#define TILE_MOST 2
#define W 1
#define V double
#define L double
#define LOAD(p) (*(p))
#define STORE(p, a) (*(p) = (a))
#define SET1(x) (x)
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define FMA(a, b, c) ((a) * (b) + (c))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define ABS(a) fabs(a)
#define WHERE_ABOVE(score, best, a, b) ((score) > (best) ? (a) : (b))
#define JOIN_UNLESS_BELOW(sets, a, b, bit) (*(sets) |= (a) < (b) ? 0 : (bit))
#define LOAD_L(p) (*(p))
#define STORE_L(p, a) (*(p) = (a))
#define SET1_L(k) ((double)(k))
#define TAKE(best, winner, score, k)                                          \
    do {                                                                      \
        if ((score) > (best)) {                                               \
            best = score;                                                     \
            winner = k;                                                       \
        }                                                                     \
    } while (0)
#define ONE_WHERE_EQUAL(a, b) ((a) == (b) ? 1.0 : 0.0)
#define TIMES_POWER_OF_TWO(a, n) times_power_of_two(a, n)
#define STORE_LABELS(p, a, b, c, d)                                           \
    do {                                                                      \
        (p)[0] = (uint8_t)(a);                                                \
        (p)[1] = (uint8_t)(b);                                                \
        (p)[2] = (uint8_t)(c);                                                \
        (p)[3] = (uint8_t)(d);                                                \
    } while (0)

#endif

#endif
