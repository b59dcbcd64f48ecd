/* The compiled kernel of kmeans_core: assign, accumulate and what else must not cost Python time.
 *
 * Plain C99 without Python headers: contiguous float64, buffers owned by the caller, no allocation,
 * no global state. binding.py checks shapes, types and order; a function here assumes them. The
 * loops are written once, in templates/, and compiled for several instruction sets; which one runs is
 * decided by asking the processor. Headers in plain/ are read once. What is computed, and why, is in the NumPy modules of kmeans_core, which do
 * the same work where this file could not be compiled.
 *
 * Never compile with -ffast-math: ties must go to the lowest cluster and sums keep their order.
 */

#include "plain/processor.h"
#include "plain/problem.h"
#include "plain/crew.h"
#include "plain/restarts.h"
#include "plain/arrange.h"
#include "plain/streams.h"

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

/* Changes with every change of a signature or a structure; library.py asks for it. */
#define ABI_VERSION 18

#if defined(FAMILY_X86_64)
#define CENTAURUS_VARIANT VARIANT_SSE2
#include "templates/variant.h"
#undef CENTAURUS_VARIANT
#define CENTAURUS_VARIANT VARIANT_AVX2
#include "templates/variant.h"
#undef CENTAURUS_VARIANT
#define CENTAURUS_VARIANT VARIANT_AVX512
#include "templates/variant.h"

/* Registers that the operating system saves when it switches threads (XCR0). */
static uint64_t saved_registers(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

static int detect(void)
{
#if defined(_WIN32) && !defined(__clang__)
    /* GCC's bug 54412: it puts wider vectors on a stack that Windows aligns for these only. */
    return VARIANT_SSE2;
#else
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA))
        return VARIANT_SSE2;
    const uint64_t saved = saved_registers();
    if ((saved & 0x6) != 0x6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2))
        return VARIANT_SSE2;
    if ((saved & 0xe6) == 0xe6 && (b & bit_AVX512F) && (b & bit_AVX512DQ))
        return VARIANT_AVX512;
    return VARIANT_AVX2;
#endif
}

#define DISPATCH(variant, call, arguments)                                    \
    ((variant) == VARIANT_AVX512 ? call##_avx512 arguments                    \
     : (variant) == VARIANT_AVX2 ? call##_avx2 arguments                      \
                                 : call##_sse2 arguments)

#elif defined(FAMILY_ARM64)
#define CENTAURUS_VARIANT VARIANT_NEON
#include "templates/variant.h"

static int detect(void)
{
    return VARIANT_NEON;
}

#define DISPATCH(variant, call, arguments) ((void)(variant), call##_neon arguments)

#else
#define CENTAURUS_VARIANT VARIANT_SCALAR
#include "templates/variant.h"

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

/* Help whoever leads `crew` (48 bytes, zero at first) until it is dismissed. */
EXPORTED void centaurus_help(Crew *crew, double *memory)
{
    int64_t looks = 0;
    while (!__atomic_load_n(&crew->dismissed, __ATOMIC_ACQUIRE)) {
        if (take_item(crew, memory))
            looks = 0;
        else if (++looks >= LOOKS)
            GIVE_WAY();
    }
}

EXPORTED void centaurus_dismiss(Crew *crew)
{
    __atomic_store_n(&crew->dismissed, 1, __ATOMIC_RELEASE);
}

EXPORTED int64_t centaurus_n_parts(int64_t n)
{
    return part_count(n);
}

/* Rows (n) of a table of few columns in an order in which each GROUP * BRANCH and each GROUP of
 * them are close together. */
EXPORTED void centaurus_arrange(const double *columns, int64_t n, int64_t d, int64_t *rows)
{
    arrange(columns, n, d, rows);
}

/* Sums over the points of several restarts, part by part. */
typedef struct {
    int64_t variant;
    const Problem *p;
    int64_t n_restarts, n_clusters;
    const double *theta;        /* null: the labels stay as they are */
    uint8_t *labels;
    const int64_t *is_fresh;    /* (R) no point has a label yet; null: T is summed afresh */
    double *sums;               /* (parts, R, K, F) */
    int64_t *n_changed;         /* (parts, R) */
} PassOver;

/* Item: one part of one restart. */
static void pass_over_part(const void *data, int64_t item, double *memory)
{
    const PassOver *all = data;
    const Problem *p = all->p;
    const int64_t r = item % all->n_restarts, start = item / all->n_restarts * part_length(p->n);
    const int64_t stop = end_of_part(p->n, start), size = all->n_clusters * features_of(p);
    const double *theta = all->theta ? all->theta + r * size : NULL;
    Workspace w = workspace_of(memory, p->d, features_of(p), all->n_clusters);
    double *sums = all->sums + item * size;
    uint8_t *labels = all->labels + r * p->n;
    memset(sums, 0, (size_t)size * sizeof(double));
    if (!all->is_fresh || all->is_fresh[r]) {
        if (!DISPATCH(all->variant, sum_boxes, (p, &w, all->n_clusters, start, stop, theta, labels,
                                                sums)))
            DISPATCH(all->variant, sum_range, (p, &w, all->n_clusters, start, stop, theta, labels,
                                               sums));
        if (all->n_changed)
            all->n_changed[item] = stop - start;
        return;
    }
    const int64_t none = 0;
    all->n_changed[item] = 0;
    DISPATCH(all->variant, assign_range, (p, &w, all->n_clusters, &none, 1, start, stop, theta,
                                          labels, sums, all->n_changed + item));
}

static void describe(int64_t variant, const Problem *p, int64_t n_clusters, double *memory)
{
    if (p->leaves)
        DISPATCH(variant, describe_boxes,
                 (p, workspace_of(memory, p->d, features_of(p), n_clusters)));
}

static void add_in_order(const double *sums, int64_t n_parts, int64_t size, double *total)
{
    for (int64_t part = 0; part < n_parts; part++)
        for (int64_t i = 0; i < size; i++)
            total[i] += sums[part * size + i];
}

/* assignment.assign_accumulate: theta and statistics (R, K, F), labels (R, n), which hold nothing
 * yet when fresh, n_changed (R). Room to work in: is_fresh (R), sums (parts, R, K, F), changed_in
 * (parts, R), memory. crew may be null. */
EXPORTED void centaurus_assign_accumulate(int64_t variant, const Problem *p, int64_t n_restarts,
                                          int64_t n_clusters, const double *theta, uint8_t *labels,
                                          double *statistics, int64_t *n_changed, int64_t fresh,
                                          int64_t *is_fresh, double *sums, int64_t *changed_in,
                                          Crew *crew, double *memory)
{
    const int64_t n_parts = part_count(p->n);
    const PassOver all = {variant, p, n_restarts, n_clusters, theta,
                          labels, is_fresh, sums, changed_in};
    const Job job = {pass_over_part, &all};
    for (int64_t r = 0; r < n_restarts; r++)
        is_fresh[r] = fresh || all_equal(labels + r * p->n, p->n, n_clusters);
    describe(variant, p, n_clusters, memory);
    run_items(crew, &job, n_parts * n_restarts, memory);
    add_in_order(sums, n_parts, n_restarts * n_clusters * features_of(p), statistics);
    memset(n_changed, 0, (size_t)n_restarts * sizeof(int64_t));
    for (int64_t item = 0; item < n_parts * n_restarts; item++)
        n_changed[item % n_restarts] += changed_in[item];
}

/* assignment.accumulate: labels (R, n) below K, statistics (R, K, F) out; room as above. */
EXPORTED void centaurus_accumulate(int64_t variant, const Problem *p, int64_t n_restarts,
                                   int64_t n_clusters, uint8_t *labels, double *statistics,
                                   double *sums, Crew *crew, double *memory)
{
    const int64_t n_parts = part_count(p->n), size = n_restarts * n_clusters * features_of(p);
    const PassOver all = {variant, p, n_restarts, n_clusters, NULL, labels, NULL, sums, NULL};
    const Job job = {pass_over_part, &all};
    describe(variant, p, n_clusters, memory);
    run_items(crew, &job, n_parts * n_restarts, memory);
    memset(statistics, 0, (size_t)size * sizeof(double));
    add_in_order(sums, n_parts, size, statistics);
}

/* Iterate restarts until each has an end (state) or `work` multiplications are done, at least
 * once. `together` of them, up to all, are an item of work; see iterate.h.
 *
 * In and out: theta and statistics (R, K, F); labels (R, n), all below K; n_iter, n_reseeded and
 * state (R), which is GOING on the way in; marks (R, 2), zeros for none. Room to work in: sums
 * (parts, R, K, F), n_changed (parts, R), chosen (R), whole (parts, R), rest (parts, R), zeros on
 * the way in, settled (R, leaves) with boxes, memory. crew may be null. */
EXPORTED void centaurus_iterate(int64_t variant, const Problem *p, int64_t n_restarts,
                                int64_t n_clusters, int64_t max_iter, int64_t together,
                                double work, double *theta,
                                double *statistics, uint8_t *labels, int64_t *n_iter,
                                int64_t *n_reseeded, int64_t *state, uint64_t *marks, double *sums,
                                int64_t *n_changed, int64_t *chosen, int64_t *whole, int64_t *rest,
                                uint64_t *settled, Crew *crew, double *memory)
{
    Restarts all = {p, n_restarts, n_clusters, max_iter, 0, theta, statistics, sums, labels, n_iter,
                    n_reseeded, state, n_changed, chosen, marks, whole, rest, settled};
    DISPATCH(variant, iterate, (&all, together, work, crew, memory));
}

/* drawing.uniforms: out (R, m) from words (R, n_words), the entropy of each stream. */
EXPORTED void centaurus_uniforms(const uint32_t *words, int64_t n_restarts, int64_t n_words,
                                 int64_t n_seeds, double *out)
{
    for (int64_t r = 0; r < n_restarts; r++)
        stream_of(words + r * n_words, n_words, n_seeds, out + r * n_seeds);
}

/* Numbers that centaurus_draw works in. */
EXPORTED int64_t centaurus_drawing_doubles(int64_t n, int64_t n_restarts, int64_t n_seeds)
{
    return drawing_doubles(n, n_restarts, n_seeds);
}

typedef struct {
    int64_t variant;
    const Problem *p;
    int64_t n_restarts, n_seeds;
    const double *uniforms;
    int64_t *rows;
    Crew *crew; /* shares the points of each step; null: it shares the restarts */
} Drawing;

/* Item: a few restarts. */
static void draw_few(const void *data, int64_t item, double *memory)
{
    const Drawing *all = data;
    const int64_t n_blocks = (all->p->n + SEED_BLOCK - 1) / SEED_BLOCK, m = all->n_seeds;
    const int64_t first = item * DRAWN_TOGETHER, left = all->n_restarts - first;
    const int64_t few = left < DRAWN_TOGETHER ? left : DRAWN_TOGETHER;
    Draws own = {all->p, few, m, 0, all->uniforms + first * m, all->rows + first * m, memory,
                 distances_kept(all->p->n, m) ? memory + few * n_blocks : NULL};
    DISPATCH(all->variant, draw, (&own, all->crew));
}

/* drawing.draw: rows (R, m) from uniforms (R, m). memory: centaurus_drawing_doubles. */
EXPORTED void centaurus_draw(int64_t variant, const Problem *p, int64_t n_restarts,
                             int64_t n_seeds, const double *uniforms, int64_t *rows, Crew *crew,
                             double *memory)
{
    const int many_points = part_count(p->n) > 1;
    const Drawing all = {variant, p, n_restarts, n_seeds, uniforms, rows,
                         many_points ? crew : NULL};
    const Job job = {draw_few, &all};
    run_items(many_points ? NULL : crew, &job,
              (n_restarts + DRAWN_TOGETHER - 1) / DRAWN_TOGETHER, memory);
}

typedef struct {
    int64_t variant;
    const Problem *p;
    int64_t n_clusters;
    const double *constants, *means, *whiteners;
    int diagonal;
    double *out, *sums;
} Mixtures;

/* Item: one part of the points, for one of the mixtures. */
static void mix_part(const void *data, int64_t item, double *memory)
{
    const Mixtures *all = data;
    const Problem *p = all->p;
    const int64_t model = item / part_count(p->n), size = all->n_clusters * p->d;
    const int64_t first = item % part_count(p->n) * part_length(p->n);
    const int64_t end = end_of_part(p->n, first);
    const double *constants = all->constants + model * all->n_clusters;
    const double *means = all->means + model * size;
    const double *whiteners = all->whiteners + model * size * (all->diagonal ? 1 : p->d);
    double *x = memory, *z = x + p->d * MOST_POINTS, *terms = z + p->d * MOST_POINTS;
    double sum = 0.0;
    for (int64_t start = first; start < end; start += MOST_POINTS) {
        const int64_t count = end - start < MOST_POINTS ? end - start : MOST_POINTS;
        double *out = all->out ? all->out + model * p->n + start : NULL;
        sum += DISPATCH(all->variant, mix, (p, all->n_clusters, constants, means, whiteners,
                                            all->diagonal, start, count, x, terms, z, out));
    }
    all->sums[item] = sum;
}

/* densities.point_log_likelihoods: out (M, n), or null, and its sums (M, parts). constants (M, K),
 * means (M, K, d), whiteners (M, K, d, d) or, when diagonal, (M, K, d); memory
 * (K + 2 d, MOST_POINTS). */
EXPORTED void centaurus_mix(int64_t variant, const Problem *p, int64_t n_models,
                            int64_t n_clusters, const double *constants, const double *means,
                            const double *whiteners, int64_t diagonal, double *out, double *sums,
                            Crew *crew, double *memory)
{
    const Mixtures all = {variant, p, n_clusters, constants, means, whiteners, diagonal != 0, out,
                         sums};
    const Job job = {mix_part, &all};
    run_items(crew, &job, n_models * part_count(p->n), memory);
}

enum { MEASURE = 0, SPREAD = 1, SCALE = 2 };

typedef struct {
    int64_t variant, pass;
    const Table *t;
    double *columns, *sums;
} TablePass;

/* Item: one part of the rows. */
static void table_part(const void *data, int64_t part, double *memory)
{
    const TablePass *all = data;
    const Table *t = all->t;
    const int64_t start = part * part_length(t->n), stop = end_of_part(t->n, start);
    double *sums = all->sums + part * (all->pass == MEASURE ? 3 : 2) * t->d;
    (void)memory;
    if (all->pass == MEASURE)
        DISPATCH(all->variant, measure_table, (t, start, stop, sums));
    else if (all->pass == SPREAD)
        DISPATCH(all->variant, spread_table, (t, start, stop, sums));
    else
        DISPATCH(all->variant, scale_table, (t, start, stop, all->columns, sums));
}

/* One of the three passes over a table. columns (d, n), null unless they are written. sums (parts,
 * 3 or 2, d): extremes begin with any value of their column, sums with zeros. */
EXPORTED void centaurus_table(int64_t variant, const Table *t, int64_t pass, double *columns,
                              double *sums, Crew *crew, double *memory)
{
    const TablePass all = {variant, pass, t, columns, sums};
    const Job job = {table_part, &all};
    run_items(crew, &job, part_count(t->n), memory);
}
