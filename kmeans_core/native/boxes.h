/* Points of which it is certain whose they are, a box of them at a time.
 *
 * Every score is a polynomial of second degree, so how far two of them differ in a box around many
 * points is bounded by the difference in its centre, the slopes there and the curvatures: a cluster
 * that cannot win anywhere in the box need not be tried for its points. The idea is the filtering
 * of Kanungo et al. (2002), here for any of the scores and with boxes of a fixed size. What is left
 * is decided point by point as ever, so labels and statistics are the same to the bit. */

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

/* Which of m clusters may win in each of BRANCH boxes: a set for each box. A cluster may not when it
 * stays below the best one of the centre by more than `tolerance` throughout the box. scores:
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

/* The points of one part: `start` is a multiple of GROUP * BRANCH. Boxes are sorted by what is to be
 * done with them first: a branch for each of them would be mispredicted for every third. */
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

/* A bound on the rounding in differences of scores; infinite or not a number where scores are. Each
 * is a sum of F products, done in different orders, and its bounds are sums of a few times as many:
 * fewer than 20 F roundings of 2^-53 of the largest sum of absolute values. */
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
