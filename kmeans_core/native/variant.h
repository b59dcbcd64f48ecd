/* All the loops for one instruction set; included once per CENTAURUS_VARIANT, in this order. */

#include "vectors.h"
#include "features.h"
#include "assign.h"
#include "sums.h"
#include "boxes.h"
#include "matrices.h"
#include "update.h"
#include "reseed.h"
#include "iterate.h"
#include "seeding.h"
#include "mixture.h"
#include "tables.h"
