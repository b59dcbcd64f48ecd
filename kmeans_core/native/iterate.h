/* Lloyd iterations of many restarts in lockstep, without going back to Python between them. */

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
        if (has_empty(statistics, all->n_clusters, n_features))
            all->n_reseeded[r] +=
                NAME(reseed)(p, &w, all->n_clusters, all->labels + r * p->n, statistics);
        NAME(update)(p, &w, all->n_clusters, statistics, all->theta + r * size, NULL);
        all->chosen[all->n_chosen++] = r;
    }
}

/* Item: one part of the points, for all restarts that go on; features are built once for them. */
static TARGET void NAME(assign_part)(const void *data, int64_t part, double *memory)
{
    const Restarts *all = data;
    const Problem *p = all->p;
    const int64_t size = all->n_clusters * features_of(p), start = part * part_length(p->n);
    Workspace w = workspace_of(memory, p->d, features_of(p), all->n_clusters);
    double *sums = all->sums + part * all->n_restarts * size;
    int64_t *n_changed = all->n_changed + part * all->n_restarts;
    for (int64_t c = 0; c < all->n_chosen; c++) {
        n_changed[all->chosen[c]] = 0;
        memset(sums + all->chosen[c] * size, 0, (size_t)size * sizeof(double));
    }
    NAME(assign_range)(p, &w, all->n_clusters, all->chosen, all->n_chosen, start,
                       end_of_part(p->n, start), all->theta, all->labels, sums, n_changed);
}

static TARGET void NAME(iterate)(Restarts *all, double work, Crew *crew, double *memory)
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
