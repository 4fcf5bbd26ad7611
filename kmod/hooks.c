// SPDX-License-Identifier: GPL-2.0-only
/*
 * As livepatch.c, for an update of modules or with hooks: checks modules, and calls hooks, from the callbacks that the livepatch core makes for each kernel object.
 * The table is written by packages/engine/src/module/hook-table.ts, in the order in which the hooks of a kind run.
 */
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/sysfs.h>
#define RESPLICE_KINDS_ONLY
#include "resplice.h"
#include "build.h"
#include "exit.h"
#include "fresh.h"

enum resplice_state { NOT_APPLIED, APPLYING, APPLIED, UNDOING };

struct resplice_hook {
	union {
		int (*ask)(void);
		void (*call)(void);
	};
	const char *name;
	const char *object; /* NULL is vmlinux */
	unsigned int kind;
	unsigned int state; /* of the object */
};

extern struct klp_patch resplice_patch;
/* Ends with a hook without a function. */
extern struct resplice_hook resplice_hooks[];

static bool belongs(const struct resplice_hook *hook, const char *object)
{
	if (!hook->object || !object)
		return hook->object == object;
	return !strcmp(hook->object, object);
}

static int ask(const struct resplice_hook *hook)
{
	int err = hook->ask();

	if (err > 0)
		err = -EINVAL;
	if (err)
		pr_err("resplice: the hook %s of %s refused: %d\n", hook->name, hook->object ?: "vmlinux", err);
	return err;
}

static void run(const char *object, unsigned int kind)
{
	struct resplice_hook *hook;

	for (hook = resplice_hooks; hook->call; hook++)
		if (hook->kind == kind && belongs(hook, object))
			hook->call();
}

static unsigned int state_of(const char *object)
{
	struct resplice_hook *hook;

	for (hook = resplice_hooks; hook->call; hook++)
		if (belongs(hook, object))
			return hook->state;
	return NOT_APPLIED;
}

static void set_state(const char *object, unsigned int state)
{
	struct resplice_hook *hook;

	for (hook = resplice_hooks; hook->call; hook++)
		if (belongs(hook, object))
			hook->state = state;
}

static int ask_all(const char *object, unsigned int kind)
{
	struct resplice_hook *hook;
	int err = 0;

	for (hook = resplice_hooks; hook->call && !err; hook++)
		if (hook->kind == kind && belongs(hook, object))
			err = ask(hook);
	return err;
}

int resplice_pre_patch(struct klp_object *object)
{
	int err = resplice_check_build(object) ?: resplice_admit(object);

	if (err)
		return err;
	err = ask_all(object->name, RESPLICE_KIND_PRE_APPLY) ?:
	      ask_all(object->name, RESPLICE_KIND_CHECK_APPLY);
	if (err) {
		run(object->name, RESPLICE_KIND_FAIL_APPLY);
		resplice_dismiss(object);
		return err;
	}
	set_state(object->name, APPLYING);
	resplice_make_fresh(object);
	run(object->name, RESPLICE_KIND_APPLY);
	return 0;
}

void resplice_post_patch(struct klp_object *object)
{
	bool undone = state_of(object->name) == UNDOING;

	set_state(object->name, APPLIED);
	resplice_settle(object, true);
	resplice_redirect_exits(object);
	run(object->name, undone ? RESPLICE_KIND_FAIL_UNDO : RESPLICE_KIND_POST_APPLY);
}

void resplice_pre_unpatch(struct klp_object *object)
{
	resplice_settle(object, false);
	resplice_restore_exits(object);
	set_state(object->name, UNDOING);
	run(object->name, RESPLICE_KIND_UNDO);
}

void resplice_post_unpatch(struct klp_object *object)
{
	bool applied = state_of(object->name) == UNDOING;

	set_state(object->name, NOT_APPLIED);
	run(object->name, applied ? RESPLICE_KIND_POST_UNDO : RESPLICE_KIND_FAIL_APPLY);
	resplice_dismiss(object);
}

/* The livepatch core does not ask before it disables a patch; our undo command does, through /sys/module/NAME/may_undo. */
static ssize_t may_undo_store(struct module_attribute *attribute, struct module_kobject *module,
			      const char *text, size_t length)
{
	struct resplice_hook *hook;

	for (hook = resplice_hooks; hook->call; hook++) {
		int err = 0;

		/* Nothing stands still under livepatch, so both kinds ask at once. */
		if ((hook->kind == RESPLICE_KIND_PRE_UNDO || hook->kind == RESPLICE_KIND_CHECK_UNDO) &&
		    hook->state == APPLIED)
			err = ask(hook);
		if (err)
			return err;
	}
	return resplice_may_undo() ?: length;
}

static struct module_attribute may_undo = __ATTR(may_undo, 0200, NULL, may_undo_store);

int init_module(void)
{
	int err = resplice_watch_exits();

	if (err)
		return err;
	err = sysfs_create_file(&THIS_MODULE->mkobj.kobj, &may_undo.attr);
	if (err)
		goto unwatch;
	err = klp_enable_patch(&resplice_patch);
	if (err)
		goto remove_file;
	return 0;

remove_file:
	sysfs_remove_file(&THIS_MODULE->mkobj.kobj, &may_undo.attr);
unwatch:
	resplice_unwatch_exits();
	return err;
}

void cleanup_module(void)
{
	sysfs_remove_file(&THIS_MODULE->mkobj.kobj, &may_undo.attr);
	resplice_unwatch_exits();
}
