// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules are let in only when they are the ones that the update was made for. The command compares those that are loaded, and the files of the
 * others, before it applies the update; but a file can be another one by the time it is loaded, and insmod takes any. The table is
 * written by packages/engine/src/module/build-table.ts.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include "build.h"
#include "module-build.h"

struct resplice_build {
	const char *object;
	const u8 *id;
	size_t size;
};

/* As the table is written. */
static_assert(sizeof(struct resplice_build) == 24);

/* Ends with an entry without an object. */
extern struct resplice_build resplice_builds[];

int resplice_check_build(struct klp_object *object)
{
	struct resplice_build *build;

	for (build = resplice_builds; object->name && build->object; build++) {
		if (strcmp(build->object, object->name) ||
		    resplice_is_build(object->mod, build->id, build->size))
			continue;
		pr_err("resplice: %s is not let in: it is not the build that %s was made for\n",
		       object->name, THIS_MODULE->name);
		return -ENOEXEC;
	}
	return 0;
}
