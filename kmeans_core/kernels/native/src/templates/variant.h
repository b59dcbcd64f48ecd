/* Template header, once per instruction set.
 *
 * All the loops for CENTAURUS_VARIANT, in this order. */

/* Each is to be read again for this instruction set. */
#undef CENTAURUS_VECTORS_H
#undef CENTAURUS_FEATURES_H
#undef CENTAURUS_ASSIGN_H
#undef CENTAURUS_SUMS_H
#undef CENTAURUS_BOUNDS_H
#undef CENTAURUS_BOXES_H
#undef CENTAURUS_BOX_SUMS_H
#undef CENTAURUS_MATRICES_H
#undef CENTAURUS_UPDATE_H
#undef CENTAURUS_RESEED_H
#undef CENTAURUS_ITERATE_H
#undef CENTAURUS_SEEDING_H
#undef CENTAURUS_MIXTURE_H
#undef CENTAURUS_TABLES_H

#include "vectors.h"
#include "features.h"
#include "assign.h"
#include "sums.h"
#include "bounds.h"
#include "boxes.h"
#include "box_sums.h"
#include "matrices.h"
#include "update.h"
#include "reseed.h"
#include "iterate.h"
#include "seeding.h"
#include "mixture.h"
#include "tables.h"
