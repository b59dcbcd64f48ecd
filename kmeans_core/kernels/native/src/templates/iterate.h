/* Template header, once per instruction set.
 *
 * Lloyd iterations of many restarts in lockstep, without going back to Python between them. */

#ifndef CENTAURUS_ITERATE_H
#define CENTAURUS_ITERATE_H

#include "../plain/crew.h"
#include "box_sums.h"
#include "reseed.h"
#include "sums.h"

/* Theta of the restarts that go on, which are listed in `chosen`. */
static TARGET void NAME(begin_iteration)(Restarts *all, double *memory)
{
    const Problem *p = all->p;
    const int64_t n_features = features_of(p), size = all->n_clusters * n_features;
    const Workspace w = workspace_of(memory, p->d, n_features, all->n_clusters);
    all->n_chosen = 0;
    for (int64_t r = 0; r < all->n_restarts; r++) {
        if (all->state[r] != GOING)
            continue;
        double *statistics = all->statistics + r * size;
        if (has_empty(statistics, all->n_clusters, n_features)) {
            all->n_reseeded[r] +=
                NAME(reseed)(p, &w, all->n_clusters, all->labels + r * p->n, statistics);
            if (p->leaves)
                memset(all->settled + r * leaf_stride(p->n), 0,
                       (size_t)leaf_stride(p->n) * sizeof(uint64_t));
        }
        NAME(update)(p, &w, all->n_clusters, statistics, all->theta + r * size, NULL);
        all->chosen[all->n_chosen++] = r;
    }
}

/* Points [start, stop) of one restart by boxes; 0 where they are of no use. Boxes that settled too
 * little are left alone for a while: tables of many columns, early iterations. */
static TARGET int NAME(assign_by_boxes)(const Restarts *all, int64_t r, int64_t start, int64_t stop,
                                        Workspace *w, double *sums, int64_t *n_changed,
                                        int64_t *rest)
{
    const Problem *p = all->p;
    const int64_t n_features = features_of(p), n_clusters = all->n_clusters;
    const double *theta = all->theta + r * n_clusters * n_features;
    if (!have_boxes(p, n_clusters) || (*rest)-- > 0)
        return 0;
    const double tolerance = NAME(tolerance_of)(p, n_clusters, theta);
    if (!(tolerance < 1e300))
        return 0;
    Assignment own;
    begin_assignment(&own, p, n_clusters, start, w);
    own.theta = theta;
    own.tolerance = tolerance;
    own.labels = all->labels + r * p->n + start;
    own.settled = all->settled + r * leaf_stride(p->n) + start / GROUP;
    own.sums = sums;
    NAME(assign_boxes)(&own, start, stop - start);
    *n_changed += own.n_changed;
    *rest = own.n_tried > TRIED_MOST * (stop - start) * n_clusters ? REST : 0;
    return 1;
}

/* Item: one part of the points, for all restarts that go on; features are built once for all restarts
 * that look at every point. */
static TARGET void NAME(assign_part)(const void *data, int64_t part, double *memory)
{
    const Restarts *all = data;
    const Problem *p = all->p;
    const int64_t size = all->n_clusters * features_of(p), start = part * part_length(p->n);
    Workspace w = workspace_of(memory, p->d, features_of(p), all->n_clusters);
    double *sums = all->sums + part * all->n_restarts * size;
    int64_t *n_changed = all->n_changed + part * all->n_restarts;
    int64_t *rest = all->rest + part * all->n_restarts, n_whole = 0;
    int64_t *whole = all->whole + part * all->n_restarts;
    const int64_t stop = end_of_part(p->n, start);
    for (int64_t c = 0; c < all->n_chosen; c++) {
        const int64_t r = all->chosen[c];
        n_changed[r] = 0;
        memset(sums + r * size, 0, (size_t)size * sizeof(double));
        if (!NAME(assign_by_boxes)(all, r, start, stop, &w, sums + r * size, n_changed + r,
                                   rest + r))
            whole[n_whole++] = r;
    }
    for (int64_t c = 0; c < n_whole && p->leaves; c++)
        memset(all->settled + whole[c] * leaf_stride(p->n) + start / GROUP, 0,
               (size_t)((stop - start + GROUP - 1) / GROUP) * sizeof(uint64_t));
    NAME(assign_range)(p, &w, all->n_clusters, whole, n_whole, start, stop, all->theta,
                       all->labels, sums, n_changed);
}

/* Iterate until all have an end or `work` multiplications are done. */
static TARGET void NAME(iterate_together)(Restarts *all, double work, Crew *crew, double *memory)
{
    const Problem *p = all->p;
    const double per_restart =
        (double)(all->n_clusters * features_of(p)) * (double)p->n;
    const Job job = {NAME(assign_part), all};
    while (work > 0.0) {
        NAME(begin_iteration)(all, memory);
        if (all->n_chosen == 0)
            return;
        run_items(crew, &job, part_count(p->n), memory);
        end_iteration(all);
        work -= per_restart * (double)all->n_chosen;
    }
}

/* Item: a few restarts. */
static TARGET void NAME(iterate_few)(const void *data, int64_t item, double *memory)
{
    const Share *share = data;
    const int64_t first = item * share->together, left = share->all->n_restarts - first;
    const int64_t count = left < share->together ? left : share->together;
    Restarts some = some_restarts(share->all, first, count);
    NAME(iterate_together)(&some, share->work * (double)count, NULL, memory);
}

/* `together` restarts are an item of work, with all of their iterations; when that is all of them,
 * each iteration is divided into the parts of the points. */
static TARGET void NAME(iterate)(Restarts *all, int64_t together, double work, Crew *crew,
                                 double *memory)
{
    const Problem *p = all->p;
    if (p->leaves) {
        NAME(describe_boxes)(p, workspace_of(memory, p->d, features_of(p), all->n_clusters));
        memset(all->settled, 0,
               (size_t)(all->n_restarts * leaf_stride(p->n)) * sizeof(uint64_t));
    }
    if (together >= all->n_restarts) {
        NAME(iterate_together)(all, work, crew, memory);
        return;
    }
    const Share share = {all, together, work / (double)all->n_restarts};
    const Job job = {NAME(iterate_few), &share};
    run_items(crew, &job, (all->n_restarts + together - 1) / together, memory);
}

#endif
