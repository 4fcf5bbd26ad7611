// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only code of a trampoline update that does not come from the patch. The
 * module does nothing by itself: resplice_core.ko switches over to its
 * functions, and holds it for as long as they are in use.
 */
#include <linux/module.h>

int init_module(void)
{
	return 0;
}

void cleanup_module(void)
{
}
