/* Template header, once per instruction set.
 *
 * T of a labelling, summed afresh: T_j = sum of phi over the points of cluster j. */

#ifndef CENTAURUS_SUMS_H
#define CENTAURUS_SUMS_H

#include "assign.h"

/* Add the points at hand, labels (count), to the lanes (K, F, W): every lane sums its own points.
 */
static TARGET void NAME(add_by_membership)(Workspace *w, int64_t count, int64_t n_clusters,
                                           int64_t n_features, const uint8_t *labels)
{
    const int64_t points = w->points, whole = (count + GROUP - 1) / GROUP * GROUP;
    double *in = w->membership, *number = w->best;
    for (int64_t m = 0; m < count; m++)
        number[m] = labels[m];
    for (int64_t m = count; m < whole; m++)
        number[m] = -1.0;
    for (int64_t k = 0; k < n_clusters; k++) {
        double *lanes = w->lanes + k * n_features * W;
        V sum = LOAD(lanes), sum1, sum2, sum3;
        const V own = SET1((double)k);
        for (int64_t m = 0; m < whole; m += W) {
            const V one = ONE_WHERE_EQUAL(LOAD(number + m), own);
            STORE(in + m, one);
            sum = ADD(sum, one);
        }
        STORE(lanes, sum);
        int64_t f = 1;
        for (; f + 4 <= n_features; f += 4) {
            const double *x = w->phi + (f - 1) * points;
            double *out = lanes + f * W;
            sum = LOAD(out), sum1 = LOAD(out + W), sum2 = LOAD(out + 2 * W);
            sum3 = LOAD(out + 3 * W);
            for (int64_t m = 0; m < whole; m += W) {
                const V one = LOAD(in + m);
                sum = FMA(one, LOAD(x + m), sum);
                sum1 = FMA(one, LOAD(x + points + m), sum1);
                sum2 = FMA(one, LOAD(x + 2 * points + m), sum2);
                sum3 = FMA(one, LOAD(x + 3 * points + m), sum3);
            }
            STORE(out, sum), STORE(out + W, sum1), STORE(out + 2 * W, sum2);
            STORE(out + 3 * W, sum3);
        }
        for (; f < n_features; f++) {
            const double *x = w->phi + (f - 1) * points;
            sum = LOAD(lanes + f * W);
            for (int64_t m = 0; m < whole; m += W)
                sum = FMA(LOAD(in + m), LOAD(x + m), sum);
            STORE(lanes + f * W, sum);
        }
    }
}

/* Points [start, stop) of one restart: labels (n) as they are or, with theta (K, F), the winners
 * under it, which are written to labels. Adds T of the points to sums (K, F). */
static TARGET void NAME(sum_range)(const Problem *p, Workspace *w, int64_t n_clusters,
                                   int64_t start, int64_t stop, const double *theta,
                                   uint8_t *labels, double *sums)
{
    const int64_t n_features = features_of(p), size = n_clusters * n_features;
    const int by_membership = n_clusters <= MEMBERSHIP_MOST;
    if (by_membership)
        memset(w->lanes, 0, (size_t)(size * W) * sizeof(double));
    for (int64_t at = start; at < stop; at += w->points) {
        const int64_t count = stop - at < w->points ? stop - at : w->points;
        NAME(fill_features)(p, w, at, count);
        if (theta) {
            NAME(find_winners)(theta, n_clusters, n_features, w, count);
            memcpy(labels + at, w->labels, (size_t)count);
        }
        if (by_membership) {
            NAME(add_by_membership)(w, count, n_clusters, n_features, labels + at);
            continue;
        }
        for (int64_t m = 0; m < count; m++) {
            const double *x = w->phi + m;
            double *to = sums + labels[at + m] * n_features;
            to[0] += 1.0;
            for (int64_t f = 1; f < n_features; f++, x += w->points)
                to[f] += *x;
        }
    }
    if (by_membership)
        for (int64_t i = 0; i < size; i++)
            for (int64_t lane = 0; lane < W; lane++)
                sums[i] += w->lanes[i * W + lane];
}

#endif
