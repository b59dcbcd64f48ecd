/* Template header, once per instruction set.
 *
 * One assignment of one restart, a box of points at a time: boxes of a single cluster are settled
 * at once, the points of the others decided one by one as ever. Labels and statistics are the same
 * to the bit as without boxes. */

#ifndef CENTAURUS_BOXES_H
#define CENTAURUS_BOXES_H

#include "assign.h"
#include "bounds.h"

/* The winners of one box, each of `clusters`, into now. */
static ALWAYS_INLINE TARGET void NAME(contest)(const Assignment *all, int64_t leaf,
                                               uint64_t clusters, uint8_t *now)
{
    const int64_t n_features = all->n_features, stride = all->stride;
    for (int64_t m = 0; m < GROUP; m += 4 * W) {
        V b0 = SET1(0.0), b1 = b0, b2 = b0, b3 = b0;
        L w0 = SET1_L(0), w1 = w0, w2 = w0, w3 = w0;
        for (uint64_t left = clusters; left; left &= left - 1) {
            const int64_t number = __builtin_ctzll(left);
            const double *row = all->theta + number * n_features;
            const double *x = all->phi + leaf * GROUP + m;
            V s0 = SET1(row[0]), s1 = s0, s2 = s0, s3 = s0;
            for (int64_t f = 1; f < n_features; f++, x += stride) {
                const V c = SET1(row[f]);
                s0 = FMA(c, LOAD(x), s0);
                s1 = FMA(c, LOAD(x + W), s1);
                s2 = FMA(c, LOAD(x + 2 * W), s2);
                s3 = FMA(c, LOAD(x + 3 * W), s3);
            }
            const L k = SET1_L(number);
            if (left == clusters) {
                b0 = s0, b1 = s1, b2 = s2, b3 = s3;
                w0 = k, w1 = k, w2 = k, w3 = k;
            } else {
                TAKE(b0, w0, s0, k);
                TAKE(b1, w1, s1, k);
                TAKE(b2, w2, s2, k);
                TAKE(b3, w3, s3, k);
            }
        }
        STORE_LABELS(now + m, w0, w1, w2, w3);
    }
}

/* The same where there are two clusters, as in most boxes. */
static ALWAYS_INLINE TARGET void NAME(duel)(const Assignment *all, int64_t leaf, uint64_t clusters,
                                            uint8_t *now, const int64_t n_features)
{
    const int64_t stride = all->stride;
    const int64_t first = __builtin_ctzll(clusters);
    const int64_t second = __builtin_ctzll(clusters & (clusters - 1));
    const double *one = all->theta + first * n_features, *other = all->theta + second * n_features;
    for (int64_t m = 0; m < GROUP; m += 4 * W) {
        const double *x = all->phi + leaf * GROUP + m;
        const L k = SET1_L(second);
        L w0 = SET1_L(first), w1 = w0, w2 = w0, w3 = w0;
        V a0 = SET1(one[0]), a1 = a0, a2 = a0, a3 = a0;
        V b0 = SET1(other[0]), b1 = b0, b2 = b0, b3 = b0;
        for (int64_t f = 1; f < n_features; f++, x += stride) {
            const V x0 = LOAD(x), x1 = LOAD(x + W), x2 = LOAD(x + 2 * W), x3 = LOAD(x + 3 * W);
            V c = SET1(one[f]);
            a0 = FMA(c, x0, a0), a1 = FMA(c, x1, a1), a2 = FMA(c, x2, a2), a3 = FMA(c, x3, a3);
            c = SET1(other[f]);
            b0 = FMA(c, x0, b0), b1 = FMA(c, x1, b1), b2 = FMA(c, x2, b2), b3 = FMA(c, x3, b3);
        }
        TAKE(a0, w0, b0, k);
        TAKE(a1, w1, b1, k);
        TAKE(a2, w2, b2, k);
        TAKE(a3, w3, b3, k);
        STORE_LABELS(now + m, w0, w1, w2, w3);
    }
}

/* Which points of a box have a new label: whether any has. */
static ALWAYS_INLINE TARGET uint64_t NAME(compare)(Assignment *all, int64_t leaf, int64_t n_points)
{
    const int64_t at = leaf * GROUP, count = n_points - at;
    uint8_t *now = all->now + at, last[GROUP];
    const uint8_t *before = all->labels + at;
    if (count < GROUP) { /* the array ends here */
        memcpy(last, now, GROUP);
        memcpy(last, before, (size_t)count);
        before = last;
    }
    all->changed[leaf] = different_bytes(before, now);
    return all->changed[leaf] != 0;
}

/* Move the changed points of a box in T (K, F). */
static ALWAYS_INLINE TARGET void NAME(move_box)(Assignment *all, int64_t leaf,
                                                double (*moved)[ROW])
{
    const int64_t at = leaf * GROUP;
    const uint8_t *now = all->now + at, *before = all->labels + at;
    uint32_t changed = all->changed[leaf];
    all->n_changed += __builtin_popcount(changed);
    for (; changed; changed &= changed - 1) {
        const int64_t m = __builtin_ctz(changed);
        if (!moved) {
            NAME(move)(all->phi + at + m, all->stride, before[m], now[m], all->n_clusters,
                       all->n_features, all->sums);
            continue;
        }
        const double *row = all->rows + (at + m) * ROW;
        double *to = moved[now[m]], *from = moved[before[m]];
        for (int64_t f = 0; f < ROW; f += W) {
            const V x = LOAD(row + f);
            STORE(to + f, ADD(LOAD(to + f), x));
            STORE(from + f, SUB(LOAD(from + f), x));
        }
    }
}

/* Move what has changed in T, in the order of the points, and write the labels. Every number of T
 * is added up on its own, so that rows of eight give the same bits as single features. */
static TARGET void NAME(move_all)(Assignment *all, int64_t n_points, const uint64_t *with_changes)
{
    double rows[BOX_CLUSTERS_MOST][ROW];
    const int by_rows = all->n_features <= ROW;
    if (by_rows)
        memset(rows, 0, (size_t)(all->n_clusters * ROW) * sizeof(double));
    for (int64_t word = 0; word < LEAF_WORDS; word++)
        for (uint64_t leaves = with_changes[word]; leaves; leaves &= leaves - 1) {
            const int64_t leaf = word * 64 + __builtin_ctzll(leaves), at = leaf * GROUP;
            const int64_t count = n_points - at < GROUP ? n_points - at : GROUP;
            NAME(move_box)(all, leaf, by_rows ? rows : NULL);
            memcpy(all->labels + at, all->now + at, (size_t)count);
        }
    for (int64_t k = 0; k < all->n_clusters && by_rows; k++)
        for (int64_t f = 0; f < all->n_features; f++)
            all->sums[k * all->n_features + f] += rows[k][f];
}

/* Sorts the BRANCH boxes of a branch: a bit for each in `fresh`, `two` or `more`; see Plan. */
static ALWAYS_INLINE TARGET void NAME(sort_boxes)(const uint64_t *may_win, uint64_t *settled,
                                                  uint64_t *fresh, uint64_t *two, uint64_t *more)
{
#if CENTAURUS_VARIANT == VARIANT_AVX512
    const __m512i clusters = _mm512_loadu_si512(may_win), one = _mm512_set1_epi64(1);
    const __m512i others = _mm512_and_si512(clusters, _mm512_sub_epi64(clusters, one));
    const __m512i rest = _mm512_and_si512(others, _mm512_sub_epi64(others, one));
    const unsigned several = _mm512_test_epi64_mask(others, others);
    const unsigned many = _mm512_test_epi64_mask(rest, rest);
    const unsigned same = _mm512_cmpeq_epi64_mask(clusters, _mm512_loadu_si512(settled));
    _mm512_storeu_si512(settled, _mm512_maskz_mov_epi64((__mmask8)~several, clusters));
    *fresh = 0xff & ~(several | same);
    *two = several & ~many;
    *more = many;
#else
    *fresh = *two = *more = 0;
    for (int64_t box = 0; box < BRANCH; box++) {
        const uint64_t clusters = may_win[box], others = clusters & (clusters - 1);
        const uint64_t several = others != 0, many = (others & (others - 1)) != 0;
        *fresh |= ((settled[box] != clusters) & ~several) << box;
        *two |= (several & ~many) << box;
        *more |= many << box;
        settled[box] = others ? 0 : clusters;
    }
#endif
}

static TARGET void NAME(plan_boxes)(Assignment *all, int64_t n_leaves, Plan *plan)
{
    memset(plan, 0, sizeof *plan);
    for (int64_t first = 0; first < n_leaves; first += BRANCH) {
        uint64_t fresh, two, more;
        NAME(sort_boxes)(all->may_win + first, all->settled + first, &fresh, &two, &more);
        plan->fresh[first / 64] |= fresh << first % 64;
        plan->two[first / 64] |= two << first % 64;
        plan->more[first / 64] |= more << first % 64;
    }
    if (n_leaves % 64) { /* boxes beyond the last point */
        const uint64_t there = ((uint64_t)1 << n_leaves % 64) - 1;
        plan->fresh[n_leaves / 64] &= there;
        plan->two[n_leaves / 64] &= there;
        plan->more[n_leaves / 64] &= there;
    }
}

/* All boxes of two clusters in one set; the loops are of a known length for two columns. */
static ALWAYS_INLINE TARGET uint64_t NAME(duels_of)(Assignment *all, int64_t word, uint64_t leaves,
                                                    int64_t n_points, const int64_t n_features)
{
    uint64_t with_changes = 0;
    for (; leaves; leaves &= leaves - 1) {
        const int64_t bit = __builtin_ctzll(leaves), leaf = word * 64 + bit;
        NAME(duel)(all, leaf, all->may_win[leaf], all->now + leaf * GROUP, n_features);
        with_changes |= NAME(compare)(all, leaf, n_points) << bit;
    }
    return with_changes;
}

static TARGET uint64_t NAME(duels)(Assignment *all, int64_t word, uint64_t leaves, int64_t n_points)
{
    switch (all->n_features) {
    case 3: return NAME(duels_of)(all, word, leaves, n_points, 3);
    case 4: return NAME(duels_of)(all, word, leaves, n_points, 4);
    case 5: return NAME(duels_of)(all, word, leaves, n_points, 5);
    case 6: return NAME(duels_of)(all, word, leaves, n_points, 6);
    default: return NAME(duels_of)(all, word, leaves, n_points, all->n_features);
    }
}

/* The points of one part: `start` is a multiple of GROUP * BRANCH. Boxes are sorted by what is to
 * be done with them first: a branch for each of them would be mispredicted for every third. */
static TARGET void NAME(assign_boxes)(Assignment *all, int64_t start, int64_t n_points)
{
    const int64_t n_leaves = (n_points + GROUP - 1) / GROUP;
    Plan plan;
    uint64_t with_changes[LEAF_WORDS] = {0};
    NAME(bound_part)(all, start, n_points);
    NAME(plan_boxes)(all, n_leaves, &plan);
    for (int64_t word = 0; word < LEAF_WORDS; word++) {
        uint64_t left;
        for (left = plan.fresh[word]; left; left &= left - 1) {
            const int64_t bit = __builtin_ctzll(left), leaf = word * 64 + bit;
            memset(all->now + leaf * GROUP, __builtin_ctzll(all->settled[leaf]), GROUP);
            with_changes[word] |= NAME(compare)(all, leaf, n_points) << bit;
        }
        with_changes[word] |= NAME(duels)(all, word, plan.two[word], n_points);
        for (left = plan.more[word]; left; left &= left - 1) {
            const int64_t bit = __builtin_ctzll(left), leaf = word * 64 + bit;
            NAME(contest)(all, leaf, all->may_win[leaf], all->now + leaf * GROUP);
            with_changes[word] |= NAME(compare)(all, leaf, n_points) << bit;
            all->n_tried += GROUP * __builtin_popcountll(all->may_win[leaf]);
        }
        all->n_tried += 2 * GROUP * __builtin_popcountll(plan.two[word]);
    }
    NAME(move_all)(all, n_points, with_changes);
}

#endif
