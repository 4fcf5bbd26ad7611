// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules that must not be loaded before the update is applied: what exists of them was made by old code, and new code would misread it. The table is
 * written by packages/engine/src/module/fresh-table.ts.
 *
 * When such a module is loaded, livepatch calls us after it has been relocated and before its first own instruction. Nobody has seen its data,
 * so it gets the new content here, and the init function of the update. While tasks are being switched, some would still run the module's
 * old code; so for that moment it cannot be loaded. While it is loaded, the update stays in memory whatever is written into livepatch's files.
 */
#include <linux/jiffies.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <asm/text-patching.h>
#include "fresh.h"

struct resplice_fresh {
	const char *object;
	void *place;
	const void *content;
	size_t length;
	int (*init)(void);
	/* From here on zero in the table. */
	struct module *module; /* while it is loaded; of a module's first entry, which has no place */
};

/* As the table is written. */
static_assert(sizeof(struct resplice_fresh) == 48 && offsetof(struct resplice_fresh, init) == 32);

/* Ends with an entry without an object. */
extern struct resplice_fresh resplice_fresh[];

/* All tasks use the new code. */
static bool settled;

/* The undo command has asked, and has this long to begin. */
#define UNDO_BEGINS_WITHIN (10 * HZ)
static bool undo_asked;
static unsigned long undo_asked_at;

static struct resplice_fresh *find_fresh(const char *object)
{
	struct resplice_fresh *fresh;

	for (fresh = resplice_fresh; object && fresh->object; fresh++)
		if (!fresh->place && !strcmp(fresh->object, object))
			return fresh;
	return NULL;
}

static bool undo_begins(void)
{
	return READ_ONCE(undo_asked) && time_before(jiffies, READ_ONCE(undo_asked_at) + UNDO_BEGINS_WITHIN);
}

int resplice_admit(struct klp_object *object)
{
	struct resplice_fresh *fresh = find_fresh(object->name);

	if (!fresh)
		return 0;
	if (settled && object->mod->state == MODULE_STATE_COMING) {
		__module_get(THIS_MODULE);
		WRITE_ONCE(fresh->module, object->mod);
		/* Pairs with resplice_may_undo(): one of the two sees the other. */
		smp_mb();
		if (!undo_begins())
			return 0;
		WRITE_ONCE(fresh->module, NULL);
		module_put(THIS_MODULE);
	}
	if (object->mod->state == MODULE_STATE_LIVE)
		pr_err("resplice: %s is loaded, and has to be unloaded before\n", object->name);
	else
		pr_err("resplice: %s cannot be loaded while tasks are switched\n", object->name);
	return -EBUSY;
}

void resplice_make_fresh(struct klp_object *object)
{
	struct resplice_fresh *fresh = find_fresh(object->name);

	if (!fresh)
		return;
	if (fresh->init)
		object->mod->init = fresh->init;
	for (fresh = resplice_fresh; fresh->object; fresh++)
		/* Constants are not writable any more. */
		if (fresh->place && !strcmp(fresh->object, object->name))
			text_poke_copy(fresh->place, fresh->content, fresh->length);
}

void resplice_dismiss(struct klp_object *object)
{
	struct resplice_fresh *fresh = find_fresh(object->name);

	if (!fresh || !fresh->module)
		return;
	fresh->module = NULL;
	/* Disabled by hand while the module uses what is in the update: then the update stays for good. */
	if (object->mod->state == MODULE_STATE_LIVE)
		pr_err("resplice: %s still uses the update, which stays in memory\n", object->name);
	else
		module_put(THIS_MODULE);
}

void resplice_settle(struct klp_object *object, bool state)
{
	if (object->name)
		return;
	settled = state;
	WRITE_ONCE(undo_asked, false);
}

int resplice_may_undo(void)
{
	struct resplice_fresh *fresh;

	WRITE_ONCE(undo_asked_at, jiffies);
	WRITE_ONCE(undo_asked, true);
	/* Pairs with resplice_admit(). */
	smp_mb();
	for (fresh = resplice_fresh; fresh->object; fresh++) {
		if (!READ_ONCE(fresh->module))
			continue;
		WRITE_ONCE(undo_asked, false);
		pr_err("resplice: %s has to be unloaded before the update is undone\n", fresh->object);
		return -EBUSY;
	}
	return 0;
}
