/* Template header, once per instruction set.
 *
 * Which clusters may win somewhere in a box around many points.
 *
 * Every score is a polynomial of second degree, so how far two of them differ in a box is bounded
 * by their difference in its centre, the slopes there and the curvatures: a cluster that cannot
 * win anywhere in the box need not be tried for its points. The idea is the filtering of Kanungo
 * et al. (2002), here for any of the scores and with boxes of a fixed size. */

#ifndef CENTAURUS_BOUNDS_H
#define CENTAURUS_BOUNDS_H

#include "../plain/restarts.h"
#include "vectors.h"

/* Scores in the centres of W boxes and their slopes there, of m clusters: (m, 1 + d, W) into
 * scores. Returns the best score of each box; leading gets its slopes and its squares. */
static ALWAYS_INLINE TARGET V NAME(score_centres)(const double *centres, int64_t stride,
                                                  const double *theta, int64_t n_features,
                                                  uint64_t clusters, double *scores, V *leading,
                                                  const int64_t d, const int form,
                                                  const int64_t n_squares)
{
    V best = SET1(-INFINITY);
    for (int64_t i = 0; i < d + n_squares; i++)
        leading[i] = SET1(0.0);
    for (; clusters; clusters &= clusters - 1, scores += (1 + d) * W) {
        const double *linear = theta + __builtin_ctzll(clusters) * n_features + 1;
        const double *square = linear + d;
        V slopes[BOX_COLUMNS_MOST], value = SET1(linear[-1]);
        for (int64_t i = 0; i < d; i++) {
            const V at = LOAD(centres + i * stride);
            V slope = SET1(linear[i]);
            if (form == PRODUCTS)
                for (int64_t l = 0; l <= i; l++)
                    slope = FMA(SET1(square[i * (i + 1) / 2 + l]), LOAD(centres + l * stride),
                                slope);
            else if (form != LINEAR)
                slope = FMA(SET1(square[form == OWN_SQUARES ? i : 0]), at, slope);
            value = FMA(slope, at, value);
            if (form == PRODUCTS)
                for (int64_t l = i; l < d; l++)
                    slope = FMA(SET1(square[l * (l + 1) / 2 + i]), LOAD(centres + l * stride),
                                slope);
            else if (form != LINEAR)
                slope = FMA(SET1(square[form == OWN_SQUARES ? i : 0]), at, slope);
            STORE(scores + (1 + i) * W, slope);
            slopes[i] = slope;
        }
        STORE(scores, value);
        for (int64_t i = 0; i < d; i++)
            leading[i] = WHERE_ABOVE(value, best, slopes[i], leading[i]);
        for (int64_t i = 0; i < n_squares; i++)
            leading[d + i] = WHERE_ABOVE(value, best, SET1(square[i]), leading[d + i]);
        best = WHERE_ABOVE(value, best, value, best);
    }
    return best;
}

/* Which of m clusters may win in each of BRANCH boxes: a set for each box. A cluster may not when
 * it stays below the best one of the centre by more than `tolerance` throughout the box. scores:
 * (m, 1 + d, W) to work in. */
static ALWAYS_INLINE TARGET void NAME(bound)(const double *boxes, int64_t stride,
                                             const double *theta, int64_t n_features,
                                             uint64_t clusters, double tolerance, double *scores,
                                             uint64_t *may_win, const int64_t d, const int form)
{
    const int64_t n_squares = form == LINEAR ? 0 : form == OWN_SQUARES ? d
                              : form == COMMON_SQUARE ? 1 : d * (d + 1) / 2;
    memset(may_win, 0, BRANCH * sizeof *may_win);
    for (int64_t lane = 0; lane < BRANCH; lane += W) {
        const double *centres = boxes + lane, *halves = centres + d * stride;
        V leading[BOX_COLUMNS_MOST * (BOX_COLUMNS_MOST + 3) / 2];
        const V *curving = leading + d;
        const V best = NAME(score_centres)(centres, stride, theta, n_features, clusters, scores,
                                           leading, d, form, n_squares);
        const double *own = scores;
        for (uint64_t left = clusters; left; left &= left - 1, own += (1 + d) * W) {
            const double *square = theta + __builtin_ctzll(left) * n_features + 1 + d;
            V most = SUB(LOAD(own), best);
            for (int64_t i = 0; i < d; i++) {
                const V half = LOAD(halves + i * stride);
                V rise = ABS(SUB(LOAD(own + (1 + i) * W), leading[i]));
                if (form == OWN_SQUARES || form == COMMON_SQUARE) {
                    const int64_t q = form == OWN_SQUARES ? i : 0;
                    rise = FMA(MAX(SUB(SET1(square[q]), curving[q]), SET1(0.0)), half, rise);
                } else if (form == PRODUCTS) {
                    for (int64_t l = 0; l <= i; l++) {
                        const int64_t q = i * (i + 1) / 2 + l;
                        const V bend = SUB(SET1(square[q]), curving[q]);
                        rise = FMA(l == i ? MAX(bend, SET1(0.0)) : ABS(bend),
                                   LOAD(halves + l * stride), rise);
                    }
                }
                most = FMA(rise, half, most);
            }
            JOIN_UNLESS_BELOW(may_win + lane, most, SET1(-tolerance), left & -left);
        }
    }
}

/* Loops of a known length for the few columns that most tables have. */
static TARGET void NAME(bound_boxes)(Assignment *all, const double *boxes, int64_t stride,
                                     uint64_t clusters, uint64_t *may_win)
{
    const Problem *p = all->p;
    const int form = p->tied ? LINEAR : p->shape == SHAPE_FULL ? PRODUCTS
                     : p->shape == SHAPE_DIAG ? OWN_SQUARES : COMMON_SQUARE;
#define BOUND(d, form)                                                        \
    NAME(bound)(boxes, stride, all->theta, all->n_features, clusters,         \
                all->tolerance, all->scores, may_win, d, form)
#define BOUND_FORM(d)                                                         \
    switch (form) {                                                           \
    case LINEAR: BOUND(d, LINEAR); break;                                     \
    case OWN_SQUARES: BOUND(d, OWN_SQUARES); break;                           \
    case COMMON_SQUARE: BOUND(d, COMMON_SQUARE); break;                       \
    default: BOUND(d, PRODUCTS); break;                                       \
    }
    switch (p->d) {
    case 2: BOUND_FORM(2) break;
    case 3: BOUND_FORM(3) break;
    default: BOUND_FORM(p->d) break;
    }
#undef BOUND
#undef BOUND_FORM
}

/* may_win of all boxes of a part: first of each branch, then of its leaves, where only the clusters
 * that may win in the branch are looked at. */
static TARGET void NAME(bound_part)(Assignment *all, int64_t start, int64_t count)
{
    const Problem *p = all->p;
    const int64_t length = GROUP * BRANCH, n_branches = (count + length - 1) / length;
    const double *branches = p->branches + start / length, *leaves = p->leaves + start / GROUP;
    const uint64_t every = ~(uint64_t)0 >> (64 - all->n_clusters);
    uint64_t in_branch[BRANCH];
    for (int64_t branch = 0; branch < n_branches; branch++) {
        if (branch % BRANCH == 0)
            NAME(bound_boxes)(all, branches + branch, branch_stride(p->n), every, in_branch);
        const uint64_t clusters = in_branch[branch % BRANCH];
        uint64_t *may_win = all->may_win + branch * BRANCH;
        if (clusters & (clusters - 1))
            NAME(bound_boxes)(all, leaves + branch * BRANCH, leaf_stride(p->n), clusters, may_win);
        else
            for (int64_t leaf = 0; leaf < BRANCH; leaf++)
                may_win[leaf] = clusters;
    }
}

/* A bound on the rounding in differences of scores; infinite or not a number where scores are. Each
 * is a sum of F products, done in different orders, and its bounds are sums of a few times as many,
 * of features that are themselves rounded: fewer than 50 F roundings of 2^-53 of the largest sum of
 * absolute values in any box; this is 90 F of them. NEVER, which no constant of prepared data comes
 * near, is left out: it is far below the others with any rounding. */
static TARGET double NAME(tolerance_of)(const Problem *p, int64_t n_clusters, const double *theta)
{
    const int64_t n_features = features_of(p);
    double sums[BOX_CLUSTERS_MOST], most = 0.0;
    for (int64_t k = 0; k < n_clusters; k++)
        sums[k] = theta[k * n_features] > 0.1 * NEVER ? fabs(theta[k * n_features]) : 0.0;
    for (int64_t f = 1; f < n_features; f++)
        for (int64_t k = 0; k < n_clusters; k++)
            sums[k] += fabs(theta[k * n_features + f]) * p->largest[f - 1];
    for (int64_t k = 0; k < n_clusters; k++)
        most = sums[k] > most || sums[k] != sums[k] ? sums[k] : most;
    return 1e-14 * (double)n_features * most;
}

#endif
