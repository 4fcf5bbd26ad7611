// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only code of an update that does not come from the patch: it hands the
 * tables that resplice wrote (packages/engine/src/module/livepatch-table.ts)
 * to the kernel's livepatch core. Compiled once for each kernel.
 */
#include <linux/livepatch.h>
#include <linux/module.h>

extern struct klp_patch resplice_patch;

int init_module(void)
{
	return klp_enable_patch(&resplice_patch);
}

void cleanup_module(void)
{
}
