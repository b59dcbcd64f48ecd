/* Template header, once per instruction set.
 *
 * Small symmetric matrices, row by row, d by d. Where a comment says so, only the lower triangle
 * is read and written. Functions that are always inlined are so for callers with a constant d. */

#ifndef CENTAURUS_MATRICES_H
#define CENTAURUS_MATRICES_H

#include "vectors.h"

/* Inverse in place of a positive definite matrix (lower triangle) by the sweep operator
 * (Goodnight 1979); multiplies its determinant into product. column: (d) to work in. */
static ALWAYS_INLINE TARGET void NAME(invert)(double *a, int64_t d, double *column,
                                              LogProduct *product)
{
    for (int64_t k = 0; k < d; k++) {
        const double pivot = a[k * d + k];
        multiply(product, pivot);
        for (int64_t j = 0; j < k; j++)
            column[j] = a[k * d + j];
        for (int64_t i = k; i < d; i++)
            column[i] = a[i * d + k];
        for (int64_t i = 0; i < d; i++) {
            const double step = column[i] / pivot;
            double *row = a + i * d;
            for (int64_t j = 0; j <= i; j++)
                row[j] -= step * column[j];
        }
        for (int64_t j = 0; j < k; j++)
            a[k * d + j] = column[j] / pivot;
        for (int64_t i = k + 1; i < d; i++)
            a[i * d + k] = column[i] / pivot;
        a[k * d + k] = -1.0 / pivot;
    }
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++)
            a[i * d + j] = -a[i * d + j];
}

/* Whether a - least diag(reference) (lower triangle of a) is positive definite, with a margin for
 * rounding: sweeping.certainly_above. work: (d, d). */
static ALWAYS_INLINE TARGET int NAME(certainly_above)(const double *a, int64_t d, double least,
                                        const double *reference, double *work)
{
    double trace = 0.0;
    for (int64_t i = 0; i < d; i++)
        trace += a[i * d + i] / reference[i];
    least = 1.001 * least + 1e-13 * fabs(trace);
    memcpy(work, a, (size_t)(d * d) * sizeof(double));
    for (int64_t i = 0; i < d; i++)
        work[i * d + i] -= least * reference[i];
    for (int64_t k = 0; k < d; k++) {
        const double pivot = work[k * d + k];
        if (!(pivot > 0.0))
            return 0;
        for (int64_t i = k + 1; i < d; i++) {
            const double step = work[i * d + k] / pivot;
            for (int64_t j = k + 1; j <= i; j++)
                work[i * d + j] -= step * work[j * d + k];
        }
    }
    return 1;
}

/* Eigenvalues, on the diagonal of a (symmetric, destroyed), and eigenvectors, the columns of
 * vectors, by Jacobi's rotations (Golub & Van Loan, section 8.5): slow, yet to full precision, and
 * needed for degenerate clusters only. */
static TARGET void NAME(eigen)(double *a, double *vectors, int64_t d)
{
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < d; j++)
            vectors[i * d + j] = i == j ? 1.0 : 0.0;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0.0, all = 0.0;
        for (int64_t i = 0; i < d; i++)
            for (int64_t j = 0; j < d; j++) {
                const double square = a[i * d + j] * a[i * d + j];
                all += square;
                if (i != j)
                    off += square;
            }
        if (!(off > 1e-34 * all))
            return;
        for (int64_t i = 1; i < d; i++)
            for (int64_t j = 0; j < i; j++) {
                const double between = a[i * d + j];
                if (between == 0.0)
                    continue;
                /* The smaller of the two angles that make the element (i, j) zero. */
                const double ratio = (a[i * d + i] - a[j * d + j]) / (2.0 * between);
                const double root = sqrt(1.0 + ratio * ratio);
                const double t = ratio >= 0.0 ? 1.0 / (ratio + root) : 1.0 / (ratio - root);
                const double c = 1.0 / sqrt(1.0 + t * t), s = t * c;
                for (int64_t k = 0; k < d; k++) {
                    const double x = a[k * d + j], y = a[k * d + i];
                    a[k * d + j] = c * x - s * y;
                    a[k * d + i] = s * x + c * y;
                }
                for (int64_t k = 0; k < d; k++) {
                    const double x = a[j * d + k], y = a[i * d + k];
                    a[j * d + k] = c * x - s * y;
                    a[i * d + k] = s * x + c * y;
                }
                for (int64_t k = 0; k < d; k++) {
                    const double x = vectors[k * d + j], y = vectors[k * d + i];
                    vectors[k * d + j] = c * x - s * y;
                    vectors[k * d + i] = s * x + c * y;
                }
            }
    }
}

#endif
