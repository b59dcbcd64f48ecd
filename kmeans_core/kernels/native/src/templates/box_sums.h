/* Template header, once per instruction set.
 *
 * What is known of all points before any restart begins, and T summed afresh with its help. */

#ifndef CENTAURUS_BOX_SUMS_H
#define CENTAURUS_BOX_SUMS_H

#include "boxes.h"

/* phi of all points, its largest values, and its sums over each box; what is read past the last
 * point is zero. */
static TARGET void NAME(describe_boxes)(const Problem *p, Workspace w)
{
    const int64_t stride = GROUP * leaf_stride(p->n), n_features = features_of(p);
    for (int64_t at = 0; at < p->n; at += w.points) {
        const int64_t count = p->n - at < w.points ? p->n - at : w.points;
        NAME(fill_features)(p, &w, at, count);
        for (int64_t f = 1; f < n_features; f++)
            memcpy(p->features + (f - 1) * stride + at, w.phi + (f - 1) * w.points,
                   (size_t)count * sizeof(double));
    }
    for (int64_t f = 1; f < n_features; f++)
        memset(p->features + (f - 1) * stride + p->n, 0, (size_t)(stride - p->n) * sizeof(double));
    for (int64_t i = 0; i < p->n && n_features <= ROW; i++) {
        p->rows[i * ROW] = 1.0;
        for (int64_t f = 1; f < ROW; f++)
            p->rows[i * ROW + f] = f < n_features ? p->features[(f - 1) * stride + i] : 0.0;
    }
    for (int64_t f = 1; f < n_features; f++) {
        V most = SET1(0.0);
        double lanes[W];
        for (int64_t m = 0; m < stride; m += W)
            most = MAX(ABS(LOAD(p->features + (f - 1) * stride + m)), most);
        STORE(lanes, most);
        p->largest[f - 1] = 0.0;
        for (int64_t lane = 0; lane < W; lane++)
            p->largest[f - 1] = lanes[lane] > p->largest[f - 1] ? lanes[lane] : p->largest[f - 1];
    }
    /* Of any point that a box could hold, not only of the points that are in it. */
    if (!p->tied && p->shape == SHAPE_SPHER)
        for (int64_t i = 0; i < p->d; i++)
            p->largest[p->d] = (i ? p->largest[p->d] : 0.0) + p->largest[i] * p->largest[i];
    if (!p->tied && p->shape == SHAPE_FULL)
        for (int64_t i = 0, f = p->d; i < p->d; i++)
            for (int64_t j = 0; j <= i; j++, f++)
                p->largest[f] = p->largest[i] * p->largest[j];
    for (int64_t leaf = 0; leaf < leaf_stride(p->n); leaf++) {
        const int64_t at = leaf * GROUP, count = p->n - at < GROUP ? p->n - at : GROUP;
        double *sums = p->leaf_sums + leaf * n_features;
        sums[0] = count > 0 ? (double)count : 0.0;
        for (int64_t f = 1; f < n_features; f++) {
            const double *x = p->features + (f - 1) * stride + at;
            V sum = LOAD(x);
            double lanes[W];
            for (int64_t m = W; m < GROUP; m += W)
                sum = ADD(sum, LOAD(x + m));
            STORE(lanes, sum);
            sums[f] = 0.0;
            for (int64_t lane = 0; lane < W; lane++)
                sums[f] += lanes[lane];
        }
    }
}

/* The points of one box, with these labels of `clusters`, into the lanes (K, F, W). */
static TARGET void NAME(add_box)(const Assignment *all, int64_t leaf, const uint8_t *labels,
                                 int64_t count, uint64_t clusters, double *lanes)
{
    const int64_t n_features = all->n_features, stride = all->stride;
    double number[GROUP], in[GROUP];
    for (int64_t m = 0; m < GROUP; m++)
        number[m] = m < count ? labels[m] : -1.0;
    for (; clusters; clusters &= clusters - 1) {
        const int64_t k = __builtin_ctzll(clusters);
        const double *x = all->phi + leaf * GROUP;
        double *own = lanes + k * n_features * W;
        V sum = LOAD(own);
        for (int64_t m = 0; m < GROUP; m += W) {
            const V one = ONE_WHERE_EQUAL(LOAD(number + m), SET1((double)k));
            STORE(in + m, one);
            sum = ADD(sum, one);
        }
        STORE(own, sum);
        for (int64_t f = 1; f < n_features; f++, x += stride) {
            sum = LOAD(own + f * W);
            for (int64_t m = 0; m < GROUP; m += W)
                sum = FMA(LOAD(in + m), LOAD(x + m), sum);
            STORE(own + f * W, sum);
        }
    }
}

/* The labels that some points have. */
static uint64_t NAME(clusters_of)(const uint8_t *labels, int64_t count)
{
    uint64_t clusters = 0;
    if (all_equal(labels, count, labels[0]))
        return (uint64_t)1 << labels[0];
    for (int64_t m = 0; m < count; m++)
        clusters |= (uint64_t)1 << labels[m];
    return clusters;
}

/* sum_range by boxes: 0 where they are of no use, and nothing has been done. */
static TARGET int NAME(sum_boxes)(const Problem *p, Workspace *w, int64_t n_clusters,
                                  int64_t start, int64_t stop, const double *theta,
                                  uint8_t *labels, double *sums)
{
    if (!have_boxes(p, n_clusters) || n_clusters > MEMBERSHIP_MOST)
        return 0;
    Assignment all;
    begin_assignment(&all, p, n_clusters, start, w);
    if (theta) {
        all.theta = theta;
        all.tolerance = NAME(tolerance_of)(p, n_clusters, theta);
        if (!(all.tolerance < 1e300))
            return 0;
        NAME(bound_part)(&all, start, stop - start);
    }
    const int64_t size = n_clusters * all.n_features;
    memset(w->lanes, 0, (size_t)(size * W) * sizeof(double));
    for (int64_t leaf = 0, at = start; at < stop; leaf++, at += GROUP) {
        const int64_t count = stop - at < GROUP ? stop - at : GROUP;
        const uint64_t clusters = theta ? all.may_win[leaf] : NAME(clusters_of)(labels + at, count);
        const int64_t first = __builtin_ctzll(clusters);
        uint8_t *now = theta ? all.now : labels + at;
        if (clusters & (clusters - 1)) {
            if (theta)
                NAME(contest)(&all, leaf, clusters, now);
            NAME(add_box)(&all, leaf, now, count, clusters, w->lanes);
        } else {
            const double *own = p->leaf_sums + at / GROUP * all.n_features;
            for (int64_t f = 0; f < all.n_features; f++)
                sums[first * all.n_features + f] += own[f];
            if (theta)
                memset(now, (int)first, GROUP);
        }
        if (theta)
            memcpy(labels + at, now, (size_t)count);
    }
    for (int64_t i = 0; i < size; i++)
        for (int64_t lane = 0; lane < W; lane++)
            sums[i] += w->lanes[i * W + lane];
    return 1;
}

#endif
