/* Template header, once per instruction set.
 *
 * The hot step: every point to the cluster with the highest score theta_j . phi(x), the lowest one
 * on ties, and T moved by the points that changed cluster. */

#ifndef CENTAURUS_ASSIGN_H
#define CENTAURUS_ASSIGN_H

#include "features.h"

#define TILE 1
#include "tile.h"
#define TILE 2
#include "tile.h"
#if TILE_MOST >= 3
#define TILE 3
#include "tile.h"
#endif
#if TILE_MOST >= 6
#define TILE 4
#include "tile.h"
#define TILE 5
#include "tile.h"
#define TILE 6
#include "tile.h"
#endif

/* Winners of the points at hand into w->labels. The clusters are dealt out to tiles evenly: a tile
 * of one cluster would wait for the latency of its own multiply-adds. */
static TARGET void NAME(find_winners)(const double *theta, int64_t n_clusters, int64_t n_features,
                                      Workspace *w, int64_t count)
{
    const int64_t n_tiles = (n_clusters + TILE_MOST - 1) / TILE_MOST;
    const int64_t small = n_clusters / n_tiles, n_larger = n_clusters % n_tiles;
    int64_t first = 0;
    for (int64_t t = 0; t < n_tiles; t++) {
        const int64_t size = small + (t < n_larger);
        const double *own = theta + first * n_features;
        const int last = t == n_tiles - 1;
        switch (size) {
        case 1: NAME(tile1)(own, n_features, w, count, first, last); break;
        case 2: NAME(tile2)(own, n_features, w, count, first, last); break;
#if TILE_MOST >= 3
        case 3: NAME(tile3)(own, n_features, w, count, first, last); break;
#endif
#if TILE_MOST >= 6
        case 4: NAME(tile4)(own, n_features, w, count, first, last); break;
        case 5: NAME(tile5)(own, n_features, w, count, first, last); break;
        default: NAME(tile6)(own, n_features, w, count, first, last); break;
#endif
        }
        first += size;
    }
}

/* Move one point in T (K, F) from cluster old to cluster now. An old one of K or more is "in no
 * cluster yet": then the point is only added. */
static inline TARGET void NAME(move)(const double *x, int64_t points, int64_t old, int64_t now,
                                     int64_t n_clusters, int64_t n_features, double *statistics)
{
    double *to = statistics + now * n_features, *from = statistics + old * n_features;
    to[0] += 1.0;
    if (old >= n_clusters) {
        for (int64_t f = 1; f < n_features; f++, x += points)
            to[f] += *x;
        return;
    }
    from[0] -= 1.0;
    for (int64_t f = 1; f < n_features; f++, x += points) {
        to[f] += *x;
        from[f] -= *x;
    }
}

/* Write the winners as the labels and move what changed in T (K, F). A label of K or more is "in no
 * cluster yet". Returns how many changed. */
static TARGET int64_t NAME(move_changed)(const Workspace *w, int64_t count, int64_t n_clusters,
                                         int64_t n_features, uint8_t *labels, double *statistics)
{
    int64_t n_changed = 0;
    for (int64_t start = 0; start < count; start += GROUP) {
        const uint8_t *now = w->labels + start;
        uint8_t *before = labels + start, last[GROUP];
        const int64_t own = count - start < GROUP ? count - start : GROUP;
        if (own < GROUP) { /* the array ends here */
            memcpy(last, now, GROUP);
            memcpy(last, before, (size_t)own);
            before = last;
        }
        uint32_t changed = different_bytes(before, now);
        if (!changed)
            continue;
        /* Bit by bit: a branch for each point would be mispredicted for most that change. */
        for (; changed; changed &= changed - 1) {
            const int64_t m = __builtin_ctz(changed);
            NAME(move)(w->phi + start + m, w->points, before[m], now[m], n_clusters, n_features,
                       statistics);
            n_changed++;
        }
        memcpy(labels + start, now, (size_t)own);
    }
    return n_changed;
}

/* Points [start, stop) of restarts chosen[0..n_chosen): labels (R, n), theta and sums (R, K, F);
 * the changes of T are added to sums, the number of changed labels to n_changed (R). */
static TARGET void NAME(assign_range)(const Problem *p, Workspace *w, int64_t n_clusters,
                                      const int64_t *chosen, int64_t n_chosen, int64_t start,
                                      int64_t stop, const double *theta, uint8_t *labels,
                                      double *sums, int64_t *n_changed)
{
    const int64_t n_features = features_of(p), size = n_clusters * n_features;
    for (int64_t at = start; at < stop; at += w->points) {
        const int64_t count = stop - at < w->points ? stop - at : w->points;
        NAME(fill_features)(p, w, at, count);
        for (int64_t c = 0; c < n_chosen; c++) {
            const int64_t r = chosen[c];
            if (at + count < stop) /* of the next block: see fetch_early */
                __builtin_prefetch(labels + r * p->n + at + count);
            NAME(find_winners)(theta + r * size, n_clusters, n_features, w, count);
            n_changed[r] += NAME(move_changed)(w, count, n_clusters, n_features,
                                               labels + r * p->n + at, sums + r * size);
        }
    }
}

#endif
