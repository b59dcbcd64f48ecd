/* Plain header.
 *
 * The restarts that are under way, and what is done to them between two assignments. */

#ifndef CENTAURUS_RESTARTS_H
#define CENTAURUS_RESTARTS_H

#include "problem.h"

enum { GOING = 0, CONVERGED = 1, CYCLE = 2, ITERATION_LIMIT = 3 };

/* Everything about the restarts that are under way; see centaurus_iterate. */
typedef struct {
    const Problem *p;
    int64_t n_restarts, n_clusters, max_iter, n_chosen;
    double *theta, *statistics, *sums;
    uint8_t *labels;
    int64_t *n_iter, *n_reseeded, *state, *n_changed, *chosen;
    uint64_t *marks;
    int64_t *whole; /* (parts, R) restarts of which a part looks at every point */
    int64_t *rest;  /* (parts, R) iterations for which boxes are not tried */
    uint64_t *settled; /* (R, leaves) see Assignment */
} Restarts;

typedef struct {
    const Restarts *all;
    int64_t together;
    double work; /* of each restart */
} Share;

/* Restarts [first, first + count) as a stack of their own, which shares the memory of all. Of the
 * room to work in (sums, n_changed, whole, rest, chosen) it gets as much as so many restarts need. */
static Restarts some_restarts(const Restarts *all, int64_t first, int64_t count)
{
    const int64_t size = all->n_clusters * features_of(all->p), n_parts = part_count(all->p->n);
    Restarts some = *all;
    some.n_restarts = count;
    some.theta += first * size;
    some.statistics += first * size;
    some.sums += n_parts * first * size;
    some.labels += first * all->p->n;
    some.n_iter += first;
    some.n_reseeded += first;
    some.state += first;
    some.n_changed += n_parts * first;
    some.chosen += first;
    some.marks += 2 * first;
    some.whole += n_parts * first;
    some.rest += n_parts * first;
    if (all->p->leaves)
        some.settled += first * leaf_stride(all->p->n);
    return some;
}

/* Boxes that leave more than this share of the pairs to be tried cost more than they save; they are
 * tried again after so many iterations. */
#define TRIED_MOST 0.4
#define REST 8

/* What a score has beside its linear part. */
enum { LINEAR = 0, OWN_SQUARES = 1, COMMON_SQUARE = 2, PRODUCTS = 3 };

#define PART_LEAVES (PART_LEAST / GROUP)
#define LEAF_WORDS (PART_LEAVES / 64)

/* What is to be done with each box of a part: its bit is set in one of these, or in none when there
 * is nothing to do. */
typedef struct {
    uint64_t fresh[LEAF_WORDS]; /* a single cluster can win, and it may be another than before */
    uint64_t two[LEAF_WORDS];   /* two clusters can win */
    uint64_t more[LEAF_WORDS];  /* more than two can */
} Plan;

/* What an assignment of one restart by boxes needs; see boxes.h. Everything about boxes and points
 * begins with those of the part at hand. */
typedef struct {
    const Problem *p;
    int64_t n_clusters, n_features;
    const double *theta;    /* (K, F) */
    double tolerance;       /* how far scores may differ by rounding */
    double *scores;         /* (K, 1 + d, 8) to work in */
    const double *phi;      /* (F - 1, stride) features */
    int64_t stride;
    const double *rows;     /* (points, ROW) the same by point, for ROW features at most */
    uint8_t *labels;        /* (points) */
    uint64_t *settled;      /* (leaves) the only cluster of a box, as a set; empty when there are several */
    double *sums;           /* (K, F) changes of T */
    uint64_t may_win[PART_LEAVES + BRANCH]; /* sets of clusters */
    uint8_t now[PART_LEAST];                /* new labels of the points that were looked at */
    uint32_t changed[PART_LEAVES];          /* which of the points of a box these are, as bits */
    int64_t n_changed, n_tried;             /* points; pairs of point and cluster */
} Assignment;

static int have_boxes(const Problem *p, int64_t n_clusters)
{
    return p->leaves && n_clusters > 1 && n_clusters <= BOX_CLUSTERS_MOST &&
           p->d <= BOX_COLUMNS_MOST && part_length(p->n) <= PART_LEAST;
}

/* For the part that begins with point `start`; what belongs to a restart is still to be set. */
static void begin_assignment(Assignment *all, const Problem *p, int64_t n_clusters, int64_t start,
                             const Workspace *w)
{
    all->p = p;
    all->n_clusters = n_clusters;
    all->n_features = features_of(p);
    all->scores = w->boxes;
    all->phi = p->features + start;
    all->rows = p->rows + start * ROW;
    all->stride = GROUP * leaf_stride(p->n);
    all->n_changed = all->n_tried = 0;
}

static int has_empty(const double *statistics, int64_t n_clusters, int64_t n_features)
{
    for (int64_t k = 0; k < n_clusters; k++)
        if (statistics[k * n_features] < 0.5)
            return 1;
    return 0;
}

/* 128 bits of a labelling: two multiplicative hashes, eight labels at a time, with the multipliers
 * of MurmurHash3 (Appleby). */
static void fingerprint(const uint8_t *labels, int64_t n, uint64_t mark[2])
{
    uint64_t a = 0x9e3779b97f4a7c15u ^ (uint64_t)n, b = 0xc2b2ae3d27d4eb4fu;
    for (int64_t i = 0; i < n; i += 8) {
        uint64_t eight = 0;
        memcpy(&eight, labels + i, (size_t)(n - i < 8 ? n - i : 8));
        a = (a ^ eight) * 0xff51afd7ed558ccdu;
        a ^= a >> 32;
        b = (b + eight) * 0xc4ceb9fe1a85ec53u;
        b ^= b >> 29;
    }
    mark[0] = a;
    mark[1] = b | 1; /* never the two zeros that say "none" */
}

/* Whether the labelling is the one marked earlier; a new mark at powers of two (Brent's method). */
static int came_back(const Problem *p, const Restarts *all, int64_t r)
{
    uint64_t mark[2], *earlier = all->marks + 2 * r;
    const int64_t n_iter = all->n_iter[r];
    fingerprint(all->labels + r * p->n, p->n, mark);
    if (mark[0] == earlier[0] && mark[1] == earlier[1])
        return 1;
    if ((n_iter & (n_iter - 1)) == 0) {
        earlier[0] = mark[0];
        earlier[1] = mark[1];
    }
    return 0;
}

/* Count the iteration: changes of all parts into T, in order, and what each restart is left in. */
static void end_iteration(const Restarts *all)
{
    const Problem *p = all->p;
    const int64_t size = all->n_clusters * features_of(p), n_parts = part_count(p->n);
    for (int64_t c = 0; c < all->n_chosen; c++) {
        const int64_t r = all->chosen[c];
        int64_t n_changed = 0;
        for (int64_t part = 0; part < n_parts; part++) {
            const int64_t own = part * all->n_restarts + r;
            n_changed += all->n_changed[own];
            for (int64_t i = 0; i < size; i++)
                all->statistics[r * size + i] += all->sums[own * size + i];
        }
        all->n_iter[r]++;
        if (n_changed == 0)
            all->state[r] = CONVERGED;
        else if (p->mahalanobis && came_back(p, all, r))
            all->state[r] = CYCLE;
        else if (all->n_iter[r] >= all->max_iter)
            all->state[r] = ITERATION_LIMIT;
    }
}

#endif
