/* The compiled kernel of kmeans_core: assign, accumulate and what else must not cost Python time.
 *
 * Plain C99 without Python headers: contiguous float64, buffers owned by the caller, no allocation,
 * no global state. binding.py checks shapes, types and order; a function here assumes them. The
 * loops are written once and compiled for several instruction sets; which one runs is decided by
 * asking the processor. What is computed, and why, is in the NumPy modules of kmeans_core, which do
 * the same work where this file could not be compiled.
 *
 * Never compile with -ffast-math: ties must go to the lowest cluster and sums keep their order.
 */

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "problem.h"

#include "restarts.h"

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

/* Changes with every change of a signature or a structure; binding.py asks for it. */
#define ABI_VERSION 3

#define VARIANT_SCALAR 0
#define VARIANT_SSE2 1
#define VARIANT_AVX2 2
#define VARIANT_AVX512 3
#define VARIANT_NEON 4

#if defined(__x86_64__) || defined(_M_X64)
#define CENTAURUS_VARIANT VARIANT_SSE2
#include "variant.h"
#undef CENTAURUS_VARIANT
#define CENTAURUS_VARIANT VARIANT_AVX2
#include "variant.h"
#undef CENTAURUS_VARIANT
#define CENTAURUS_VARIANT VARIANT_AVX512
#include "variant.h"

/* Registers that the operating system saves when it switches threads (XCR0). */
static uint64_t saved_registers(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

static int detect(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA))
        return VARIANT_SSE2;
    const uint64_t saved = saved_registers();
    if ((saved & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2))
        return VARIANT_SSE2;
    if ((saved & 0xe6) == 0xe6 && (b & bit_AVX512F) && (b & bit_AVX512DQ))
        return VARIANT_AVX512;
    return VARIANT_AVX2;
}

#define DISPATCH(variant, call, arguments)                                    \
    ((variant) == VARIANT_AVX512 ? call##_avx512 arguments                    \
     : (variant) == VARIANT_AVX2 ? call##_avx2 arguments                      \
                                 : call##_sse2 arguments)

#elif defined(__aarch64__)
#define CENTAURUS_VARIANT VARIANT_NEON
#include "variant.h"

static int detect(void)
{
    return VARIANT_NEON;
}

#define DISPATCH(variant, call, arguments) ((void)(variant), call##_neon arguments)

#else
#define CENTAURUS_VARIANT VARIANT_SCALAR
#include "variant.h"

static int detect(void)
{
    return VARIANT_SCALAR;
}

#define DISPATCH(variant, call, arguments) ((void)(variant), call##_scalar arguments)
#endif

/* The best variant that this processor runs; every function takes one, so that tests can ask for a
 * lower one. */
EXPORTED int64_t centaurus_best_variant(void)
{
    return detect();
}

EXPORTED int64_t centaurus_abi_version(void)
{
    return ABI_VERSION;
}

/* Numbers (float64) that a thread needs to work in. */
EXPORTED int64_t centaurus_workspace_doubles(int64_t d, int64_t n_features, int64_t n_clusters)
{
    return workspace_doubles(d, n_features, n_clusters);
}

static int all_blank(const uint8_t *labels, int64_t n, int64_t n_clusters)
{
    for (int64_t i = 0; i < n; i++)
        if (labels[i] != n_clusters)
            return 0;
    return 1;
}

/* assignment.assign_accumulate: theta and statistics (R, K, F), labels (R, n), n_changed (R). */
EXPORTED void centaurus_assign_accumulate(int64_t variant, const Problem *p, int64_t n_restarts,
                                          int64_t n_clusters, const double *theta, uint8_t *labels,
                                          double *statistics, int64_t *n_changed, double *memory)
{
    const int64_t n_features = features_of(p), size = n_clusters * n_features;
    const int64_t length = part_length(p->n);
    Workspace w = workspace_of(memory, p->d, n_features, n_clusters);
    for (int64_t r = 0; r < n_restarts; r++) {
        uint8_t *own = labels + r * p->n;
        const int fresh = all_blank(own, p->n, n_clusters);
        n_changed[r] = fresh ? p->n : 0;
        for (int64_t start = 0; start < p->n; start += length) {
            const int64_t stop = p->n - start < length ? p->n : start + length;
            memset(w.part, 0, (size_t)size * sizeof(double));
            if (fresh) {
                DISPATCH(variant, sum_range, (p, &w, n_clusters, start, stop, theta + r * size,
                                              own, w.part));
            } else {
                const int64_t none = 0;
                DISPATCH(variant, assign_range, (p, &w, n_clusters, &none, 1, start, stop,
                                                 theta + r * size, own, w.part, n_changed + r));
            }
            for (int64_t i = 0; i < size; i++)
                statistics[r * size + i] += w.part[i];
        }
    }
}

/* assignment.accumulate: labels (R, n) below K, statistics (R, K, F) out. */
EXPORTED void centaurus_accumulate(int64_t variant, const Problem *p, int64_t n_restarts,
                                   int64_t n_clusters, uint8_t *labels, double *statistics,
                                   double *memory)
{
    const int64_t n_features = features_of(p), size = n_clusters * n_features;
    const int64_t length = part_length(p->n);
    Workspace w = workspace_of(memory, p->d, n_features, n_clusters);
    memset(statistics, 0, (size_t)(n_restarts * size) * sizeof(double));
    for (int64_t r = 0; r < n_restarts; r++) {
        for (int64_t start = 0; start < p->n; start += length) {
            const int64_t stop = p->n - start < length ? p->n : start + length;
            memset(w.part, 0, (size_t)size * sizeof(double));
            DISPATCH(variant, sum_range, (p, &w, n_clusters, start, stop, NULL,
                                          labels + r * p->n, w.part));
            for (int64_t i = 0; i < size; i++)
                statistics[r * size + i] += w.part[i];
        }
    }
}

/* Iterate restarts until each has an end (state) or `work` multiplications are done, at least once.
 *
 * theta, statistics and sums (R, K, F); labels (R, n), all below K; n_iter, state, n_changed and
 * chosen (R); marks (R, 2), zero for none. In and out: all but sums, n_changed and chosen, which are
 * room to work in. state: GOING on the way in. */
EXPORTED void centaurus_iterate(int64_t variant, const Problem *p, int64_t n_restarts,
                                int64_t n_clusters, int64_t max_iter, double work, double *theta,
                                double *statistics, double *sums, uint8_t *labels, int64_t *n_iter,
                                int64_t *n_reseeded, int64_t *state, int64_t *n_changed, int64_t *chosen,
                                uint64_t *marks, double *memory)
{
    Workspace w = workspace_of(memory, p->d, features_of(p), n_clusters);
    const Restarts all = {n_restarts, n_clusters, max_iter, theta, statistics, sums,
                          labels, n_iter, n_reseeded, state, n_changed, chosen, marks};
    DISPATCH(variant, iterate, (p, &w, &all, work));
}

/* drawing.draw: rows (R, m) from uniforms (R, m). Memory for nearest: n and for block_sums: one for
 * each SEED_BLOCK rows, in numbers, n rounded up to whole blocks. */
EXPORTED void centaurus_draw(int64_t variant, const Problem *p, int64_t n_restarts,
                             int64_t n_seeds, const double *uniforms, int64_t *rows,
                             double *nearest, double *block_sums)
{
    for (int64_t r = 0; r < n_restarts; r++)
        DISPATCH(variant, draw, (p, n_seeds, uniforms + r * n_seeds, rows + r * n_seeds, nearest,
                                 block_sums));
}

/* densities.point_log_likelihoods: out (n). constants (K), means (K, d), whiteners (K, d, d) or, when
 * diagonal, (K, d); memory (K + 2 d, MOST_POINTS). */
EXPORTED void centaurus_mix(int64_t variant, const Problem *p, int64_t n_clusters,
                            const double *constants, const double *means, const double *whiteners,
                            int64_t diagonal, double *out, double *memory)
{
    double *x = memory, *z = x + p->d * MOST_POINTS, *terms = z + p->d * MOST_POINTS;
    for (int64_t start = 0; start < p->n; start += MOST_POINTS) {
        const int64_t count = p->n - start < MOST_POINTS ? p->n - start : MOST_POINTS;
        DISPATCH(variant, mix, (p, n_clusters, constants, means, whiteners, diagonal != 0, start,
                                count, x, terms, z, out + start));
    }
}
