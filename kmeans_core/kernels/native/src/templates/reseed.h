/* Template header, once per instruction set.
 *
 * An emptied cluster takes the point that fits worst where it is: reseeding.reseed_empty, whose
 * rules these are. Seldom needed, but then often for the same restart. */

#ifndef CENTAURUS_RESEED_H
#define CENTAURUS_RESEED_H

#include "update.h"

/* -2 times the score of points under their own clusters, up to what all clusters have in common:
 * points [start, start + count), misfits (count). offsets: (d, count) to work in. Loops run over
 * the points, so that the compiler can take several at a time. */
static TARGET void NAME(misfits)(const Problem *p, const Fitted *fitted, const uint8_t *labels,
                                 int64_t start, int64_t count, double *offsets, double *misfits)
{
    const int64_t d = p->d, size = covariance_size(p), step = p->tied ? 0 : size;
    const uint8_t *own = labels + start;
    for (int64_t m = 0; m < count; m++)
        misfits[m] = -2.0 * fitted->constants[own[m]];
    for (int64_t i = 0; i < d; i++) {
        const double *x = p->columns + i * p->n + start;
        double *offset = offsets + i * count;
        for (int64_t m = 0; m < count; m++)
            offset[m] = x[m] - fitted->means[own[m] * d + i];
        if (p->shape != SHAPE_FULL) {
            const double *inverse = fitted->inverses + (p->shape == SHAPE_DIAG ? i : 0);
            for (int64_t m = 0; m < count; m++)
                misfits[m] += inverse[own[m] * step] * (offset[m] * offset[m]);
            continue;
        }
        for (int64_t j = 0; j <= i; j++) {
            const double *inverse = fitted->inverses + i * d + j, *other = offsets + j * count;
            const double times = i == j ? 1.0 : 2.0;
            for (int64_t m = 0; m < count; m++)
                misfits[m] += times * inverse[own[m] * step] * (offset[m] * other[m]);
        }
    }
}

/* The point to move, -1 when every cluster is empty or has one point: taking that would only leave
 * another one empty. All labels are below K. */
static TARGET int64_t NAME(worst_point)(const Problem *p, const Workspace *w,
                                        const uint8_t *labels, const double *statistics,
                                        const Fitted *fitted)
{
    const int64_t n_features = features_of(p);
    int64_t worst = -1;
    double most = -INFINITY;
    for (int64_t start = 0; start < p->n; start += w->points) {
        const int64_t count = p->n - start < w->points ? p->n - start : w->points;
        NAME(misfits)(p, fitted, labels, start, count, w->phi, w->best);
        for (int64_t m = 0; m < count; m++)
            if (w->best[m] > most && statistics[labels[start + m] * n_features] >= 1.5) {
                most = w->best[m];
                worst = start + m;
            }
    }
    return worst;
}

/* phi of one point moved from one cluster's T to another's. */
static void NAME(move_point)(const Problem *p, double *statistics, int64_t point, int64_t source,
                             int64_t target)
{
    const int64_t d = p->d, n = p->n, n_features = features_of(p);
    const double *x = p->columns + point;
    double *from = statistics + source * n_features, *to = statistics + target * n_features;
    double squares = 0.0;
    from[0] -= 1.0;
    to[0] += 1.0;
    for (int64_t i = 0; i < d; i++) {
        from[1 + i] -= x[i * n];
        to[1 + i] += x[i * n];
    }
    if (p->tied)
        return;
    from += 1 + d;
    to += 1 + d;
    for (int64_t i = 0; i < d; i++) {
        if (p->shape == SHAPE_SPHER) {
            squares += x[i * n] * x[i * n];
            continue;
        }
        for (int64_t j = p->shape == SHAPE_FULL ? 0 : i; j <= i; j++) {
            *from++ -= x[i * n] * x[j * n];
            *to++ += x[i * n] * x[j * n];
        }
    }
    if (p->shape == SHAPE_SPHER) {
        *from -= squares;
        *to += squares;
    }
}

static int NAME(off_centre)(const Problem *p, const double *mean, int64_t point)
{
    for (int64_t i = 0; i < p->d; i++)
        if (fabs(p->columns[i * p->n + point] - mean[i]) > 1e-9 * sqrt(p->reference[i]))
            return 1;
    return 0;
}

/* Reseed what is empty in one restart: labels (n) and statistics (K, F) in place; returns the
 * number of clusters reseeded. */
static TARGET int64_t NAME(reseed)(const Problem *p, const Workspace *w, int64_t n_clusters,
                                   uint8_t *labels, double *statistics)
{
    const int64_t n_features = features_of(p);
    const size_t bytes = (size_t)(n_clusters * n_features) * sizeof(double);
    double *trial = w->trial, *theta = w->part;
    Fitted fitted = {w->inverses, w->kept_means, w->constants, 0.0};
    Fitted after = {NULL, NULL, NULL, 0.0};
    int64_t n_moved = 0;
    NAME(update)(p, w, n_clusters, statistics, theta, &fitted);
    /* A cluster that is reseeded has one point then, so no point is moved twice. */
    for (int64_t k = 0; k < n_clusters; k++) {
        if (statistics[k * n_features] >= 0.5)
            continue;
        const int64_t point = NAME(worst_point)(p, w, labels, statistics, &fitted);
        if (point < 0)
            break;
        const int64_t source = labels[point];
        memcpy(trial, statistics, bytes);
        NAME(move_point)(p, trial, point, source, k);
        if (p->mahalanobis) {
            if (!NAME(off_centre)(p, fitted.means + source * p->d, point))
                break;
        } else {
            NAME(update)(p, w, n_clusters, trial, theta, &after);
            if (after.likelihood < fitted.likelihood)
                break;
            fitted.likelihood = after.likelihood;
        }
        memcpy(statistics, trial, bytes);
        labels[point] = (uint8_t)k;
        n_moved++;
    }
    return n_moved;
}

#endif
