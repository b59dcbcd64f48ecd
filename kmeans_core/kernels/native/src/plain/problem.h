/* Plain header.
 *
 * What all parts share: the problem, the blocks that points are cut into, the caller's workspace.
 *
 * Everything is column-major float64 and owned by the caller; nothing here allocates. */

#ifndef CENTAURUS_PROBLEM_H
#define CENTAURUS_PROBLEM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "processor.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum { SHAPE_FULL = 0, SHAPE_DIAG = 1, SHAPE_SPHER = 2 };

/* One covariance type on one dataset; mirrored field by field in library.py. */
typedef struct {
    const double *columns;      /* (d, n): column i starts at columns + i * n */
    const double *reference;    /* (d) variances that the floor is a multiple of */
    const double *total;        /* total second moment: (d, d), (d) or (1); used by tied types */
    const double *overall;      /* covariance of an empty cluster: (d, d), (d) or (1) */
    const double *leaves;       /* (2, d, leaf_stride) centres and half widths of the boxes around
                                   each GROUP of points; null: every point is looked at */
    const double *branches;     /* (2, d, branch_stride) the same of each BRANCH of groups */
    double *largest;            /* (F - 1) room for the largest absolute value of each feature */
    double *features;           /* (F - 1, GROUP leaf_stride) room for phi of all points */
    double *leaf_sums;          /* (leaf_stride, F) room for T of each box */
    double *rows;               /* (n, 8) room for phi of each point, when there are so many */
    double reg_covar;
    int64_t n, d;
    int64_t shape;              /* SHAPE_... */
    int64_t tied;
    int64_t mahalanobis;        /* leave log weight and log determinant out of the scores */
} Problem;

/* Points whose features are held at a time: as many as fit into half of a small L1 cache, in whole
 * groups of 32, which every variant's 4 W divides. */
#define GROUP 32
#define MOST_POINTS 256
#define FEATURE_BYTES 24576

/* Boxes of GROUP points are looked at eight at a time, and so are the boxes around eight of them.
 */
#define BRANCH 8
#define BOX_COLUMNS_MOST 8
#define BOX_CLUSTERS_MOST 64

/* Features of a point that are moved at once. */
#define ROW 8

/* Points are cut into at most this many parts, each at least PART_LEAST long. Sums are made per
 * part and added up in order, whoever computed them: so any number of threads gives the same bits.
 */
#define MOST_PARTS 16
#define PART_LEAST 8192

/* Up to here sums over all points of a cluster are a product with its membership, which costs as
 * much as one assignment; beyond, adding point by point is cheaper. */
#define MEMBERSHIP_MOST 16

static int64_t features_of(const Problem *p)
{
    if (p->tied)
        return 1 + p->d;
    if (p->shape == SHAPE_FULL)
        return 1 + p->d + p->d * (p->d + 1) / 2;
    return 1 + p->d + (p->shape == SHAPE_DIAG ? p->d : 1);
}

/* Numbers that a covariance of the type's shape takes. */
static int64_t covariance_size(const Problem *p)
{
    return p->shape == SHAPE_FULL ? p->d * p->d : p->shape == SHAPE_DIAG ? p->d : 1;
}

static int64_t points_at_a_time(int64_t n_features)
{
    int64_t fitting = FEATURE_BYTES / (int64_t)sizeof(double) / n_features / GROUP * GROUP;
    if (fitting < GROUP)
        return GROUP;
    return fitting < MOST_POINTS ? fitting : MOST_POINTS;
}

/* Length of a part; a multiple of MOST_POINTS, and a function of n alone. */
static int64_t part_length(int64_t n)
{
    int64_t length = (n + MOST_PARTS - 1) / MOST_PARTS;
    if (length < PART_LEAST)
        length = PART_LEAST;
    return (length + MOST_POINTS - 1) / MOST_POINTS * MOST_POINTS;
}

static int64_t part_count(int64_t n)
{
    return (n + part_length(n) - 1) / part_length(n);
}

static int64_t end_of_part(int64_t n, int64_t start)
{
    return n - start < part_length(n) ? n : start + part_length(n);
}

static int64_t branch_count(int64_t n)
{
    return (n + GROUP * BRANCH - 1) / (GROUP * BRANCH);
}

static int64_t leaf_stride(int64_t n)
{
    return branch_count(n) * BRANCH;
}

/* Eight more than there are: parts begin at any of them, and eight are read at a time. */
static int64_t branch_stride(int64_t n)
{
    return branch_count(n) + BRANCH;
}

static int all_equal(const uint8_t *labels, int64_t n, int64_t value)
{
    return labels[0] == value && memcmp(labels, labels + 1, (size_t)(n - 1)) == 0;
}

/* Memory for one thread, cut from the caller's buffer. */
typedef struct {
    double *phi;        /* (F - 1, points): features of the points at hand, without the leading 1 */
    double *best;       /* (points) highest score so far */
    double *winner;     /* (points) and whose it is, in the variant's own form */
    double *membership; /* (points) 1 in the cluster, else 0 */
    double *lanes;      /* (K, F, 8) sums, one per vector lane */
    double *part;       /* (K, F) sums of one part */
    double *trial;      /* (K, F) statistics on trial */
    double *matrix;     /* (5, d, d) and (8, d) for the update */
    double *means;      /* (K, d) */
    double *kept_means; /* (K, d), (K) and (K, d, d): one update kept for reseeding */
    double *constants;
    double *inverses;
    double *boxes;      /* (K, 1 + d, 8) scores of boxes and their slopes */
    uint8_t *labels;    /* (points) */
    int64_t points;
} Workspace;

#define WIDEST 8

/* Numbers for the boxes: none where no box is ever looked at. */
static int64_t box_doubles(int64_t d, int64_t n_clusters)
{
    if (d > BOX_COLUMNS_MOST || n_clusters > BOX_CLUSTERS_MOST)
        return 0;
    return WIDEST * n_clusters * (1 + d);
}

static int64_t workspace_doubles(int64_t d, int64_t n_features, int64_t n_clusters)
{
    int64_t points = points_at_a_time(n_features);
    int64_t lanes = n_clusters <= MEMBERSHIP_MOST ? n_clusters * n_features * WIDEST : 0;
    /* 8 more: the start is moved to a cache line. */
    return 8 + n_features * points + 4 * points + lanes + 2 * n_clusters * n_features + 5 * d * d +
           8 * d + n_clusters * (2 * d + 1 + d * d) + box_doubles(d, n_clusters);
}

static Workspace workspace_of(double *memory, int64_t d, int64_t n_features, int64_t n_clusters)
{
    Workspace w;
    int64_t lanes = n_clusters <= MEMBERSHIP_MOST ? n_clusters * n_features * WIDEST : 0;
    uintptr_t offset = (uintptr_t)memory % 64;
    double *free = offset ? memory + (64 - offset) / sizeof(double) : memory;
    w.points = points_at_a_time(n_features);
    w.phi = free;
    free += n_features * w.points;
    w.lanes = free;
    free += lanes;
    w.best = free;
    free += w.points;
    w.winner = free;
    free += w.points;
    w.membership = free;
    free += w.points;
    w.labels = (uint8_t *)(void *)free;
    free += w.points;
    w.boxes = free;
    free += box_doubles(d, n_clusters);
    w.part = free;
    free += n_clusters * n_features;
    w.trial = free;
    free += n_clusters * n_features;
    w.matrix = free;
    free += 5 * d * d + 8 * d;
    w.means = free;
    free += n_clusters * d;
    w.kept_means = free;
    free += n_clusters * d;
    w.constants = free;
    free += n_clusters;
    w.inverses = free;
    return w;
}

/* The constant of a cluster without points: below any score, and finite (parameters.NEVER). */
#define NEVER (-1e300)

/* log of a product that would leave the range of a double: kept as a sum of logs and a rest. */
typedef struct {
    double sum, rest;
} LogProduct;

static inline void multiply(LogProduct *product, double factor)
{
    product->rest *= factor;
    if (!(product->rest > 1e-140 && product->rest < 1e140)) {
        product->sum += log(product->rest);
        product->rest = 1.0;
    }
}

static inline double log_of(LogProduct product)
{
    return product.sum + log(product.rest);
}

/* What an update leaves behind when it is asked to: arrays may be null. likelihood is the
 * classification log-likelihood (scoring.classification_log_likelihoods) without n d/2 log 2 pi. */
typedef struct {
    double *inverses;  /* (K, covariance_size), once when tied; lower triangles */
    double *means;     /* (K, d) */
    double *constants; /* (K) a score without its squared distance and what is common to all */
    double likelihood;
} Fitted;

/* Which of GROUP bytes differ, the first one in the lowest bit. */
static inline uint32_t different_bytes(const uint8_t *a, const uint8_t *b)
{
#if defined(FAMILY_X86_64)
    const __m128i *x = (const __m128i *)(const void *)a, *y = (const __m128i *)(const void *)b;
    const __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128(x), _mm_loadu_si128(y));
    const __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128(x + 1), _mm_loadu_si128(y + 1));
    return ~((uint32_t)_mm_movemask_epi8(low) | ((uint32_t)_mm_movemask_epi8(high) << 16));
#else
    uint32_t bits = 0;
    for (int i = 0; i < GROUP; i++)
        bits |= (uint32_t)(a[i] != b[i]) << i;
    return bits;
#endif
}

/* Ask for the cache lines of numbers that will be read soon: what comes after a block of points
 * is far from what comes after it in the next column, and the processor does not guess it. */
static inline void fetch_early(const double *array, int64_t start, int64_t count)
{
    for (int64_t at = start; at < start + count; at += 8)
        __builtin_prefetch(array + at);
}

/* So many numbers of up to a million are multiplied without overflow. */
#define PRODUCT 32

/* Seeding: points at a time, and restarts drawn together, so that a block of points is read once
 * for all of them. */
#define SEED_BLOCK 256
#define DRAWN_TOGETHER 4

/* Distances are kept from one seed to the next, 8 bytes per point and restart, unless the table is
 * too large for the caches and the seeds are few: then computing them again is cheaper than
 * memory. */
static int distances_kept(int64_t n, int64_t n_seeds)
{
    return n < 262144 || n_seeds > 16;
}

static int64_t drawing_doubles(int64_t n, int64_t n_restarts, int64_t n_seeds)
{
    const int64_t together = n_restarts < DRAWN_TOGETHER ? n_restarts : DRAWN_TOGETHER;
    const int64_t n_blocks = (n + SEED_BLOCK - 1) / SEED_BLOCK;
    return together * n_blocks * (1 + (distances_kept(n, n_seeds) ? SEED_BLOCK : 0));
}

/* Seeds of a few restarts that are being drawn. */
typedef struct {
    const Problem *p;
    int64_t n_restarts, n_seeds;
    int64_t m;              /* seeds that each restart has so far */
    const double *uniforms; /* (R, n_seeds) */
    int64_t *rows;          /* (R, n_seeds) */
    double *sums;           /* (R, blocks) squared distances from the nearest seed */
    double *kept;           /* (R, blocks, SEED_BLOCK) each of them, or null */
} Draws;

/* A table as it came, and what is done with each of its values; see tables.h. */
typedef struct {
    const double *values; /* (n, d), steps in numbers */
    int64_t n, d, row_step, column_step;
    const double *shift, *offset, *scale; /* (d) each, null where a pass has none */
} Table;

#endif
