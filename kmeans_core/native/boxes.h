/* Points of which it is certain whose they are, a box of them at a time.
 *
 * Every score is a polynomial of second degree, so how far two of them differ in a box around many
 * points is bounded by the difference in its centre, the slopes there and the curvatures: a cluster
 * that cannot win anywhere in the box need not be tried for its points. The idea is the filtering
 * of Kanungo et al. (2002), here for any of the scores and with boxes of a fixed size. What is left
 * is decided point by point as ever, so labels and statistics are the same to the bit. */

/* Scores in the centres of W boxes and their slopes there, of m clusters ids: (m, 1 + d, W) into
 * scores. Returns the best score of each box; leading gets its slopes and its squares. */
static ALWAYS_INLINE TARGET V NAME(score_centres)(const double *centres, int64_t stride,
                                                  const double *theta, int64_t n_features,
                                                  const uint8_t *ids, int64_t m, double *scores,
                                                  V *leading, const int64_t d, const int form,
                                                  const int64_t n_squares)
{
    V best = SET1(-INFINITY);
    for (int64_t i = 0; i < d + n_squares; i++)
        leading[i] = SET1(0.0);
    for (int64_t j = 0; j < m; j++, scores += (1 + d) * W) {
        const double *linear = theta + ids[j] * n_features + 1, *square = linear + d;
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

/* Which of m clusters ids may win in each of BRANCH boxes: sets of bits, one for each box. A cluster
 * may not when it stays below the best one of the centre by more than `tolerance` throughout the
 * box. scores: (m, 1 + d, W) to work in. */
static ALWAYS_INLINE TARGET void NAME(bound)(const double *boxes, int64_t stride,
                                             const double *theta, int64_t n_features,
                                             const uint8_t *ids, int64_t m, double tolerance,
                                             double *scores, uint64_t *may_win, const int64_t d,
                                             const int form)
{
    const int64_t n_squares = form == LINEAR ? 0 : form == OWN_SQUARES ? d
                              : form == COMMON_SQUARE ? 1 : d * (d + 1) / 2;
    uint8_t winners[BOX_CLUSTERS_MOST];
    memset(winners, 0, (size_t)m);
    for (int64_t lane = 0; lane < BRANCH; lane += W) {
        const double *centres = boxes + lane, *halves = centres + d * stride;
        V leading[BOX_COLUMNS_MOST * (BOX_COLUMNS_MOST + 3) / 2];
        const V *curving = leading + d;
        const V best = NAME(score_centres)(centres, stride, theta, n_features, ids, m, scores,
                                           leading, d, form, n_squares);
        for (int64_t j = 0; j < m; j++) {
            const double *own = scores + j * (1 + d) * W;
            const double *square = theta + ids[j] * n_features + 1 + d;
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
            winners[j] |= (uint8_t)(NOT_BELOW(most, SET1(-tolerance)) << lane);
        }
    }
    for (int64_t box = 0; box < BRANCH; box++)
        may_win[box] = 0;
    for (int64_t j = 0; j < m; j++)
        for (int64_t box = 0; box < BRANCH; box++)
            may_win[box] |= (uint64_t)(winners[j] >> box & 1) << ids[j];
}

/* Loops of a known length for the few columns that most tables have. */
static TARGET void NAME(bound_boxes)(Assignment *all, const double *boxes, int64_t stride,
                                     uint64_t clusters, uint64_t *may_win)
{
    const Problem *p = all->p;
    const int form = p->tied ? LINEAR : p->shape == SHAPE_FULL ? PRODUCTS
                     : p->shape == SHAPE_DIAG ? OWN_SQUARES : COMMON_SQUARE;
    uint8_t ids[BOX_CLUSTERS_MOST];
    const int64_t m = members(clusters, ids);
#define BOUND(d, form)                                                        \
    NAME(bound)(boxes, stride, all->theta, all->n_features, ids, m,           \
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

/* may_win of all boxes of a part: of a branch first, then of its leaves among those clusters. */
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
                                            uint8_t *now)
{
    const int64_t n_features = all->n_features, stride = all->stride;
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

/* Which points of a box have a new label. */
static ALWAYS_INLINE TARGET void NAME(compare)(Assignment *all, int64_t leaf, int64_t n_points,
                                               uint64_t *with_changes)
{
    const int64_t at = leaf * GROUP, count = n_points - at;
    uint8_t *now = all->now + at, last[GROUP];
    const uint8_t *before = all->labels + at;
    if (count < GROUP) { /* the array ends here */
        memcpy(last, now, GROUP);
        memcpy(last, before, (size_t)count);
        before = last;
    }
    const uint32_t changed = different_bytes(before, now);
    all->changed[leaf] = changed;
    with_changes[leaf / 64] |= (uint64_t)(changed != 0) << leaf % 64;
}

/* Move what has changed in T, in the order of the points, and write the labels. */
static TARGET void NAME(move_all)(Assignment *all, int64_t n_points, const uint64_t *with_changes)
{
    for (int64_t word = 0; word < (PART_LEAVES + 63) / 64; word++)
        for (uint64_t leaves = with_changes[word]; leaves; leaves &= leaves - 1) {
            const int64_t leaf = word * 64 + __builtin_ctzll(leaves), at = leaf * GROUP;
            const uint8_t *now = all->now + at;
            uint8_t *before = all->labels + at;
            uint32_t changed = all->changed[leaf];
            all->n_changed += __builtin_popcount(changed);
            for (; changed; changed &= changed - 1) {
                const int64_t m = __builtin_ctz(changed);
                NAME(move)(all->phi + at + m, all->stride, before[m], now[m], all->n_clusters,
                           all->n_features, all->sums);
            }
            memcpy(before, now, (size_t)(n_points - at < GROUP ? n_points - at : GROUP));
        }
}

/* The points of one part: `start` is a multiple of GROUP * BRANCH. Boxes are sorted by what is to be
 * done with them first: a branch for each of them would be mispredicted for every third. */
static TARGET void NAME(assign_boxes)(Assignment *all, int64_t start, int64_t n_points)
{
    const int64_t n_leaves = (n_points + GROUP - 1) / GROUP;
    int16_t new[PART_LEAVES + 1], two[PART_LEAVES + 1], more[PART_LEAVES + 1];
    int64_t n_new = 0, n_two = 0, n_more = 0;
    uint64_t with_changes[(PART_LEAVES + 63) / 64] = {0};
    NAME(bound_part)(all, start, n_points);
    for (int64_t leaf = 0; leaf < n_leaves; leaf++) {
        const uint64_t clusters = all->may_win[leaf], others = clusters & (clusters - 1);
        const uint8_t only = others ? UNSETTLED : (uint8_t)__builtin_ctzll(clusters);
        new[n_new] = two[n_two] = more[n_more] = (int16_t)leaf;
        n_new += (only != UNSETTLED) & (only != all->settled[leaf]);
        n_two += (others != 0) & ((others & (others - 1)) == 0);
        n_more += (others & (others - 1)) != 0;
        all->settled[leaf] = only;
    }
    for (int64_t i = 0; i < n_new; i++) {
        memset(all->now + new[i] * GROUP, all->settled[new[i]], GROUP);
        NAME(compare)(all, new[i], n_points, with_changes);
    }
    for (int64_t i = 0; i < n_two; i++) {
        NAME(duel)(all, two[i], all->may_win[two[i]], all->now + two[i] * GROUP);
        NAME(compare)(all, two[i], n_points, with_changes);
    }
    for (int64_t i = 0; i < n_more; i++) {
        const uint64_t clusters = all->may_win[more[i]];
        NAME(contest)(all, more[i], clusters, all->now + more[i] * GROUP);
        NAME(compare)(all, more[i], n_points, with_changes);
        all->n_tried += GROUP * __builtin_popcountll(clusters);
    }
    all->n_tried += 2 * GROUP * n_two;
    NAME(move_all)(all, n_points, with_changes);
}

/* A bound on the rounding in differences of scores; infinite or not a number where scores are. Each
 * is a sum of F products, done in different orders, and its bounds are sums of a few times as many:
 * fewer than 20 F roundings of 2^-53 of the largest sum of absolute values. */
static TARGET double NAME(tolerance_of)(const Problem *p, int64_t n_clusters, const double *theta)
{
    const int64_t d = p->d, n_features = features_of(p);
    double most = 0.0;
    for (int64_t k = 0; k < n_clusters; k++) {
        const double *own = theta + k * n_features, *square = own + 1 + d;
        double sum = own[0] > 0.1 * NEVER ? fabs(own[0]) : 0.0;
        for (int64_t i = 0; i < d; i++) {
            const double x = p->largest[i];
            sum += fabs(own[1 + i]) * x;
            if (p->tied)
                continue;
            if (p->shape != SHAPE_FULL)
                sum += fabs(square[p->shape == SHAPE_DIAG ? i : 0]) * x * x;
            else
                for (int64_t l = 0; l <= i; l++)
                    sum += fabs(*square++) * x * p->largest[l];
        }
        most = sum > most || sum != sum ? sum : most;
    }
    return 1e-14 * (double)n_features * most;
}
