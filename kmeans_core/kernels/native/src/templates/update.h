/* Template header, once per instruction set.
 *
 * From the statistics T of one restart to theta: parameters.estimate and parameters.thetas in one,
 * without keeping the parameters. The formulas and their reasons are there and in flooring.py. */

#ifndef CENTAURUS_UPDATE_H
#define CENTAURUS_UPDATE_H

#include "matrices.h"

/* Flooring: the nearest covariance (lower triangle) whose eigenvalues, relative to the reference
 * variances, are at least reg_covar. work: (3, d, d). */
static TARGET void NAME(raise_to_floor)(const Problem *p, double *covariance, double *work)
{
    const int64_t d = p->d;
    double *a = work + d * d, *vectors = work + 2 * d * d;
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++) {
            const double metric = sqrt(p->reference[i]) * sqrt(p->reference[j]);
            a[i * d + j] = a[j * d + i] = covariance[i * d + j] / metric;
        }
    NAME(eigen)(a, vectors, d);
    int below = 0;
    for (int64_t k = 0; k < d; k++) {
        work[k] = a[k * d + k];
        if (work[k] < p->reg_covar) {
            work[k] = p->reg_covar;
            below = 1;
        }
    }
    if (!below)
        return;
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (int64_t k = 0; k < d; k++)
                sum += vectors[i * d + k] * work[k] * vectors[j * d + k];
            covariance[i * d + j] = sum * (sqrt(p->reference[i]) * sqrt(p->reference[j]));
        }
}

/* Floor and invert one full covariance (lower triangle) in place; returns its determinant.
 * Inverted as correlations: columns of very different spread then cost no digits. work: (3, d, d)
 * and (2, d). */
static ALWAYS_INLINE TARGET LogProduct NAME(precision_of)(const Problem *p, double *covariance,
                                                          double *work, const int64_t d)
{
    double *spread = work + 3 * d * d, *column = spread + d;
    LogProduct determinant = {0.0, 1.0};
    if (!NAME(certainly_above)(covariance, d, p->reg_covar, p->reference, work))
        NAME(raise_to_floor)(p, covariance, work);
    for (int64_t i = 0; i < d; i++) {
        multiply(&determinant, covariance[i * d + i]);
        spread[i] = 1.0 / sqrt(covariance[i * d + i]);
    }
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++)
            covariance[i * d + j] *= spread[i] * spread[j];
    NAME(invert)(covariance, d, column, &determinant);
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++)
            covariance[i * d + j] *= spread[i] * spread[j];
    return determinant;
}

/* The same in closed form for two columns, where it is done most often. */
static TARGET LogProduct NAME(precision_of_two)(const Problem *p, double *covariance, double *work)
{
    const double r0 = p->reference[0], r1 = p->reference[1];
    double a = covariance[0], b = covariance[2], c = covariance[3];
    const double least = 1.001 * p->reg_covar + 1e-13 * fabs(a / r0 + c / r1);
    const double pivot = a - least * r0;
    if (!(pivot > 0.0 && (c - least * r1) * pivot > b * b)) {
        NAME(raise_to_floor)(p, covariance, work);
        a = covariance[0], b = covariance[2], c = covariance[3];
    }
    const double product = a * c, correlation = b / sqrt(product);
    const double rest = (1.0 - correlation) * (1.0 + correlation), inverse = 1.0 / (product * rest);
    const LogProduct determinant = {0.0, product * rest};
    covariance[0] = c * inverse;
    covariance[2] = -b * inverse;
    covariance[3] = a * inverse;
    return determinant;
}

/* Loops of a known length are several times faster for so few columns. */
static TARGET LogProduct NAME(precision_full)(const Problem *p, double *covariance, double *work)
{
    switch (p->d) {
    case 1: return NAME(precision_of)(p, covariance, work, 1);
    case 2: return NAME(precision_of_two)(p, covariance, work);
    case 3: return NAME(precision_of)(p, covariance, work, 3);
    case 4: return NAME(precision_of)(p, covariance, work, 4);
    case 5: return NAME(precision_of)(p, covariance, work, 5);
    default: return NAME(precision_of)(p, covariance, work, p->d);
    }
}

/* Floor and invert a covariance of the type's shape in place; returns its determinant. */
static TARGET LogProduct NAME(precision)(const Problem *p, double *covariance, double *work)
{
    const int64_t d = p->d;
    LogProduct determinant = {0.0, 1.0};
    if (p->shape == SHAPE_FULL)
        return NAME(precision_full)(p, covariance, work);
    if (p->shape == SHAPE_DIAG) {
        for (int64_t i = 0; i < d; i++) {
            const double least = p->reg_covar * p->reference[i];
            const double variance = covariance[i] > least ? covariance[i] : least;
            multiply(&determinant, variance);
            covariance[i] = 1.0 / variance;
        }
        return determinant;
    }
    double mean = 0.0;
    for (int64_t i = 0; i < d; i++)
        mean += p->reference[i];
    const double least = p->reg_covar * (mean / (double)d);
    const double variance = *covariance > least ? *covariance : least;
    *covariance = 1.0 / variance;
    for (int64_t i = 0; i < d; i++)
        multiply(&determinant, variance);
    return determinant;
}

/* The pooled covariance of a tied type, from what the means leave of the total second moment. */
static TARGET void NAME(pooled)(const Problem *p, int64_t n_clusters, const double *statistics,
                                const double *means, double *covariance)
{
    const int64_t d = p->d, n_features = features_of(p);
    const double n = (double)p->n;
    memcpy(covariance, p->total, (size_t)covariance_size(p) * sizeof(double));
    double squares = 0.0;
    for (int64_t k = 0; k < n_clusters; k++) {
        const double count = statistics[k * n_features];
        const double *mean = means + k * d;
        for (int64_t i = 0; i < d; i++) {
            const double weighted = count * mean[i];
            if (p->shape == SHAPE_FULL)
                for (int64_t j = 0; j <= i; j++)
                    covariance[i * d + j] -= weighted * mean[j];
            else if (p->shape == SHAPE_DIAG)
                covariance[i] -= weighted * mean[i];
            else
                squares += weighted * mean[i];
        }
    }
    if (p->shape == SHAPE_SPHER) {
        *covariance = (*covariance - squares) / (n * (double)d);
        return;
    }
    for (int64_t i = 0; i < covariance_size(p); i++)
        covariance[i] /= n;
}

/* The covariance of one cluster of an untied type; an empty one gets the overall covariance. */
static TARGET void NAME(within)(const Problem *p, const double *statistics, const double *mean,
                                double *covariance)
{
    const int64_t d = p->d;
    const double *second = statistics + 1 + d;
    if (statistics[0] < 0.5) {
        memcpy(covariance, p->overall, (size_t)covariance_size(p) * sizeof(double));
        return;
    }
    const double count = statistics[0];
    if (p->shape == SHAPE_FULL) {
        for (int64_t i = 0; i < d; i++)
            for (int64_t j = 0; j <= i; j++)
                covariance[i * d + j] = *second++ / count - mean[i] * mean[j];
    } else if (p->shape == SHAPE_DIAG) {
        for (int64_t i = 0; i < d; i++)
            covariance[i] = second[i] / count - mean[i] * mean[i];
    } else {
        double squares = 0.0;
        for (int64_t i = 0; i < d; i++)
            squares += mean[i] * mean[i];
        *covariance = (*second / count - squares) / (double)d;
    }
}

/* inverse times mean (lower triangle of a full inverse). */
static TARGET void NAME(linear_part)(const Problem *p, const double *inverse, const double *mean,
                                     double *linear)
{
    const int64_t d = p->d;
    if (p->shape != SHAPE_FULL) {
        for (int64_t i = 0; i < d; i++)
            linear[i] = mean[i] * (p->shape == SHAPE_DIAG ? inverse[i] : *inverse);
        return;
    }
    for (int64_t i = 0; i < d; i++)
        linear[i] = 0.0;
    for (int64_t i = 0; i < d; i++) {
        const double *row = inverse + i * d;
        double sum = 0.0;
        for (int64_t j = 0; j < i; j++) {
            sum += row[j] * mean[j];
            linear[j] += row[j] * mean[i];
        }
        linear[i] += sum + row[i] * mean[i];
    }
}

/* The coefficients of the second moments. */
static TARGET void NAME(quadratic_part)(const Problem *p, const double *inverse, double *second)
{
    const int64_t d = p->d;
    if (p->shape == SHAPE_FULL) {
        for (int64_t i = 0; i < d; i++) {
            for (int64_t j = 0; j < i; j++)
                *second++ = -inverse[i * d + j];
            *second++ = -0.5 * inverse[i * d + i];
        }
    } else {
        for (int64_t i = 0; i < covariance_size(p); i++)
            second[i] = -0.5 * inverse[i];
    }
}

/* tr(inverse raw), of a full type from lower triangles. */
static TARGET double NAME(trace)(const Problem *p, const double *inverse, const double *raw)
{
    const int64_t d = p->d;
    double sum = 0.0;
    if (p->shape == SHAPE_SPHER)
        return (double)d * *inverse * *raw;
    if (p->shape == SHAPE_DIAG) {
        for (int64_t i = 0; i < d; i++)
            sum += inverse[i] * raw[i];
        return sum;
    }
    for (int64_t i = 0; i < d; i++) {
        double row = 0.0;
        for (int64_t j = 0; j < i; j++)
            row += inverse[i * d + j] * raw[i * d + j];
        sum += 2.0 * row + inverse[i * d + i] * raw[i * d + i];
    }
    return sum;
}

/* log weight - 1/2 log determinant, in one logarithm; what all clusters have in common is left out.
 */
static ALWAYS_INLINE double NAME(constant_of)(const Problem *p, double weight,
                                              LogProduct determinant)
{
    if (p->mahalanobis || !(weight > 0.0))
        return 0.0;
    if (p->tied)
        return log(weight);
    multiply(&determinant, 1.0 / (weight * weight));
    return -0.5 * log_of(determinant);
}

/* What is known of cluster k, for the caller of update. */
static void NAME(keep)(const Problem *p, Fitted *fitted, int64_t k, const double *inverse,
                       const double *mean, double constant)
{
    const int64_t d = p->d, size = covariance_size(p);
    if (!fitted->inverses)
        return;
    if (k == 0 || !p->tied)
        memcpy(fitted->inverses + (p->tied ? 0 : k * size), inverse,
               (size_t)size * sizeof(double));
    memcpy(fitted->means + k * d, mean, (size_t)d * sizeof(double));
    fitted->constants[k] = constant;
}

/* theta (K, F) from T (K, F); more about it into `fitted` unless that is null. */
static TARGET void NAME(update)(const Problem *p, const Workspace *w, int64_t n_clusters,
                                const double *statistics, double *theta, Fitted *fitted)
{
    const int64_t d = p->d, n_features = features_of(p);
    const size_t covariance_bytes = (size_t)covariance_size(p) * sizeof(double);
    double *inverse = w->matrix, *raw = inverse + d * d, *work = raw + d * d, *means = w->means;
    LogProduct determinant = {0.0, 1.0};
    double likelihood = 0.0;
    for (int64_t k = 0; k < n_clusters; k++) {
        const double *sums = statistics + k * n_features;
        const double divisor = sums[0] > 1.0 ? sums[0] : 1.0;
        for (int64_t i = 0; i < d; i++)
            means[k * d + i] = sums[1 + i] / divisor;
    }
    if (p->tied) {
        NAME(pooled)(p, n_clusters, statistics, means, inverse);
        memcpy(raw, inverse, covariance_bytes);
        determinant = NAME(precision)(p, inverse, work);
        likelihood = fitted ? -0.5 * (double)p->n *
                                  (NAME(trace)(p, inverse, raw) + log_of(determinant)) : 0.0;
    }
    for (int64_t k = 0; k < n_clusters; k++) {
        const double *mean = means + k * d, count = statistics[k * n_features];
        double *own = theta + k * n_features, *linear = own + 1, squared = 0.0;
        if (!p->tied) {
            NAME(within)(p, statistics + k * n_features, mean, inverse);
            memcpy(raw, inverse, covariance_bytes);
            determinant = NAME(precision)(p, inverse, work);
            NAME(quadratic_part)(p, inverse, own + 1 + d);
        }
        NAME(linear_part)(p, inverse, mean, linear);
        for (int64_t i = 0; i < d; i++)
            squared += linear[i] * mean[i];
        const double weight = count / (double)p->n;
        const double constant = NAME(constant_of)(p, weight, determinant);
        own[0] = weight > 0.0 ? constant - 0.5 * squared : NEVER;
        if (!fitted)
            continue;
        likelihood += count * constant;
        if (!p->tied)
            likelihood -= 0.5 * count * NAME(trace)(p, inverse, raw);
        NAME(keep)(p, fitted, k, inverse, mean, constant);
    }
    if (fitted)
        fitted->likelihood = likelihood;
}

#endif
