/* See qdisc-quantum.h. */
#define KIND "hhf"
#define QUANTUM TCA_HHF_QUANTUM
#include "qdisc-quantum.h"
