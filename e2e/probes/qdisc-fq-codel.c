/* See qdisc-quantum.h. */
#define KIND "fq_codel"
#define QUANTUM TCA_FQ_CODEL_QUANTUM
#include "qdisc-quantum.h"
