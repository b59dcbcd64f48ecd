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

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

/* Changes with every change of a signature or a structure; binding.py asks for it. */
#define ABI_VERSION 1

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
    Workspace w = workspace_of(memory, n_features, n_clusters);
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

/* assignment.accumulate: labels (n) below K, statistics (K, F) out. */
EXPORTED void centaurus_accumulate(int64_t variant, const Problem *p, int64_t n_clusters,
                                   uint8_t *labels, double *statistics, double *memory)
{
    const int64_t n_features = features_of(p), size = n_clusters * n_features;
    const int64_t length = part_length(p->n);
    Workspace w = workspace_of(memory, n_features, n_clusters);
    memset(statistics, 0, (size_t)size * sizeof(double));
    for (int64_t start = 0; start < p->n; start += length) {
        const int64_t stop = p->n - start < length ? p->n : start + length;
        memset(w.part, 0, (size_t)size * sizeof(double));
        DISPATCH(variant, sum_range, (p, &w, n_clusters, start, stop, NULL, labels, w.part));
        for (int64_t i = 0; i < size; i++)
            statistics[i] += w.part[i];
    }
}
