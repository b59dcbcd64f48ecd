/* Lloyd iterations of many restarts in lockstep, without going back to Python between them. */

/* Theta of the restarts that go on, which are listed in `chosen`; returns how many. */
static TARGET int64_t NAME(begin_iteration)(const Problem *p, const Workspace *w,
                                            const Restarts *all)
{
    const int64_t n_features = features_of(p), size = all->n_clusters * n_features;
    int64_t n_chosen = 0;
    for (int64_t r = 0; r < all->n_restarts; r++) {
        if (all->state[r] != GOING)
            continue;
        double *statistics = all->statistics + r * size;
        if (has_empty(statistics, all->n_clusters, n_features))
            all->n_reseeded[r] +=
                NAME(reseed)(p, w, all->n_clusters, all->labels + r * p->n, statistics);
        NAME(update)(p, w, all->n_clusters, statistics, all->theta + r * size, NULL);
        all->n_changed[r] = 0;
        all->chosen[n_chosen++] = r;
    }
    return n_chosen;
}

static TARGET void NAME(iterate)(const Problem *p, Workspace *w, const Restarts *all, double work)
{
    const int64_t n_features = features_of(p), size = all->n_clusters * n_features;
    const int64_t length = part_length(p->n);
    const double per_restart = (double)size * (double)p->n;
    while (work > 0.0) {
        const int64_t n_chosen = NAME(begin_iteration)(p, w, all);
        if (n_chosen == 0)
            return;
        for (int64_t start = 0; start < p->n; start += length) {
            const int64_t stop = p->n - start < length ? p->n : start + length;
            for (int64_t c = 0; c < n_chosen; c++)
                memset(all->sums + all->chosen[c] * size, 0, (size_t)size * sizeof(double));
            NAME(assign_range)(p, w, all->n_clusters, all->chosen, n_chosen, start, stop,
                               all->theta, all->labels, all->sums, all->n_changed);
            add_part(p, all, n_chosen, all->sums);
        }
        end_iteration(p, all, n_chosen);
        work -= per_restart * (double)n_chosen;
    }
}
