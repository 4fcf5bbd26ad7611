// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exit code of modules. It has no ftrace entry; but the kernel calls it through `exit` of struct module, once, when the module is unloaded. So
 * while the update is applied, that pointer leads to the new function. The table is written by packages/engine/src/module/exit-table.ts.
 *
 * What can go wrong is an undo while the new function runs: livepatch does not know of it and would let the update be unloaded. delete_module() sets the
 * state GOING, then reads the pointer and calls, then tells the module notifiers. Whoever puts the old pointer back and then finds the
 * state GOING, with the notifier not called yet, has to take it that the new function runs; the update is then pinned until
 * the notifier comes. The notifier may let go of its own module because unregistering waits for it.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/spinlock.h>
#include "exit.h"

struct resplice_exit {
	const char *object;
	void (*call)(void);
	/* From here on zero in the table. */
	struct module *module; /* while redirected */
	void (*old)(void);
	struct module *pinned_for;
	unsigned long over; /* the notifier has been told that `module` goes */
};

/* As the table is written. */
static_assert(sizeof(struct resplice_exit) == 48 && offsetof(struct resplice_exit, call) == 8);

/* Ends with an entry without a function. */
extern struct resplice_exit resplice_exits[];

static DEFINE_SPINLOCK(exits_lock);

static int notice_module(struct notifier_block *self, unsigned long state, void *data)
{
	struct resplice_exit *exit;
	unsigned int pins = 0;

	if (state != MODULE_STATE_GOING)
		return NOTIFY_DONE;
	spin_lock(&exits_lock);
	for (exit = resplice_exits; exit->call; exit++) {
		if (exit->module == data)
			exit->over = true;
		if (exit->pinned_for == data) {
			exit->pinned_for = NULL;
			pins++;
		}
	}
	spin_unlock(&exits_lock);
	while (pins--)
		module_put(THIS_MODULE);
	return NOTIFY_DONE;
}

static struct notifier_block module_notifier = { .notifier_call = notice_module };

int resplice_watch_exits(void)
{
	return register_module_notifier(&module_notifier);
}

void resplice_unwatch_exits(void)
{
	unregister_module_notifier(&module_notifier);
}

void resplice_redirect_exits(struct klp_object *object)
{
	struct resplice_exit *exit;

	if (!object->mod)
		return;
	for (exit = resplice_exits; exit->call; exit++) {
		/* A module that is going is left alone: its notifier may have been told before we listened. */
		if (strcmp(exit->object, object->name) || object->mod->state == MODULE_STATE_GOING)
			continue;
		spin_lock(&exits_lock);
		exit->old = object->mod->exit;
		exit->module = object->mod;
		exit->over = false;
		WRITE_ONCE(object->mod->exit, exit->call);
		spin_unlock(&exits_lock);
	}
}

void resplice_restore_exits(struct klp_object *object)
{
	struct resplice_exit *exit;
	bool is_top;

	for (exit = resplice_exits; exit->call; exit++) {
		if (!exit->module || exit->module != object->mod)
			continue;
		spin_lock(&exits_lock);
		/* An update on top of this one that is still there remembers our function, so ours stays until the module goes. */
		is_top = exit->module->exit == exit->call;
		if (is_top)
			WRITE_ONCE(exit->module->exit, exit->old);
		/* Pairs with the atomic operations between the two in delete_module(). */
		smp_mb();
		if (!exit->over && (!is_top || READ_ONCE(exit->module->state) == MODULE_STATE_GOING)) {
			__module_get(THIS_MODULE);
			exit->pinned_for = exit->module;
		}
		exit->module = NULL;
		spin_unlock(&exits_lock);
	}
}
