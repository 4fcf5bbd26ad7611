// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules come and go while an update is applied. What the update changes in one is known by
 * symbols, and its own code has empty fields where an address in that module belongs. When
 * the module is there, the symbols are looked up and the fields filled in; no thread can be
 * in that code yet, for nothing leads to it. When it comes after the update, all of it
 * happens before its first instruction runs; so there is no moment in which its old code is
 * in use, and nobody has to be waited for. One that does not fit is not let in.
 *
 * Patched modules are not held: while an operation is under way, one that goes waits in our
 * notifier, and its memory stays.
 */
#include <linux/elf.h>
#include <linux/memory.h>
#include <linux/rcupdate.h>
#include <linux/semaphore.h>
#include <asm/text-patching.h>
#include "core.h"
#include "module-build.h"

struct module *core_hold_module(const char *name)
{
	struct module *module;

	preempt_disable();
	module = find_module(name);
	if (module && (module->state != MODULE_STATE_LIVE || !try_module_get(module)))
		module = NULL;
	preempt_enable();
	return module;
}

/* Or only used by one that is? */
bool core_is_patched(const struct update *update, u32 index)
{
	return update->modules[index].user == index;
}

#ifdef CONFIG_KALLSYMS
static bool is_symbol(const struct mod_kallsyms *symbols, u32 i, const struct module *module,
		      const char *name)
{
	return symbols->symtab[i].st_shndx != SHN_UNDEF &&
	       !within_module_init(symbols->symtab[i].st_value, module) &&
	       !strcmp(symbols->strtab + symbols->symtab[i].st_name, name);
}

/* 0: it has none, or several and the position does not say which. */
static unsigned long find_symbol(struct module *module, const char *name, u32 position)
{
	const struct mod_kallsyms *symbols;
	unsigned long address = 0;
	u32 count = 0, i;

	preempt_disable();
	symbols = rcu_dereference_sched(module->kallsyms);
	for (i = 1; i < symbols->num_symtab; i++)
		if (is_symbol(symbols, i, module, name) && (++count == position || !position))
			address = count > 1 && !position ? 0 : symbols->symtab[i].st_value;
	preempt_enable();
	return address;
}
#else
static unsigned long find_symbol(struct module *module, const char *name, u32 position)
{
	return 0;
}
#endif

/* The module itself, and those that its new code uses. */
static u32 hold_used(struct job *job, struct update *update, u32 user)
{
	u32 i;

	for (i = 0; i < update->request->objects; i++) {
		const struct resplice_core_object *named = &update->modules[i];

		if (named->user != user)
			continue;
		if (i != user)
			update->objects[i].module = core_hold_module(named->name);
		if (!update->objects[i].module)
			return core_refuse(job, RESPLICE_CORE_NO_MODULE, i);
		if (named->build_id_size &&
		    !resplice_is_build(update->objects[i].module, named->build_id,
				       named->build_id_size))
			return core_refuse(job, RESPLICE_CORE_WRONG_BUILD, i);
	}
	return RESPLICE_CORE_OK;
}

static u32 look_up(struct job *job, struct update *update, u32 user)
{
	u32 i;

	for (i = 0; i < update->request->symbols; i++) {
		const struct resplice_core_symbol *symbol = &update->symbols[i];

		if (update->modules[symbol->object].user != user)
			continue;
		update->addresses[i] = find_symbol(update->objects[symbol->object].module,
						   update->bytes + symbol->name, symbol->position);
		if (!update->addresses[i])
			return core_refuse(job, RESPLICE_CORE_NO_SYMBOL, i);
	}
	return RESPLICE_CORE_OK;
}

static u32 place_changes(struct job *job, struct update *update, u32 user)
{
	u32 sites = update->request->sites, i, code;

	for (i = 0; i < update->count; i++) {
		if (update->changes[i].object != &update->objects[user])
			continue;
		code = core_place_change(update, i);
		if (code)
			return core_refuse(job, code, i < sites ? i : i - sites);
	}
	return RESPLICE_CORE_OK;
}

static bool fill_in(const struct resplice_core_fixup *fixup, unsigned long address)
{
	s64 value = address + fixup->addend;
	bool fits = true;

	if (fixup->type == R_X86_64_PC32 || fixup->type == R_X86_64_PLT32)
		value -= fixup->place;
	if (fixup->type == R_X86_64_32)
		fits = value == (u32)value;
	else if (fixup->type != R_X86_64_64)
		fits = value == (s32)value;
	if (fits)
		text_poke_kgdb((void *)(unsigned long)fixup->place, &value,
			       fixup->type == R_X86_64_64 ? 8 : 4);
	return fits;
}

static u32 fix_up(struct job *job, struct update *update, u32 user)
{
	u32 code = RESPLICE_CORE_OK, i;

	mutex_lock(&text_mutex);
	for (i = 0; i < update->request->fixups && !code; i++) {
		const struct resplice_core_fixup *fixup = &update->fixups[i];

		if (update->modules[update->symbols[fixup->symbol].object].user == user &&
		    !fill_in(fixup, update->addresses[fixup->symbol]))
			code = core_refuse(job, RESPLICE_CORE_TOO_FAR, i);
	}
	mutex_unlock(&text_mutex);
	return code;
}

/* The update is not applied, or the module has not begun to run. */
u32 core_attach(struct job *job, struct update *update, u32 index, struct module *module)
{
	u32 code;

	update->objects[index].module = module;
	code = hold_used(job, update, index) ?: look_up(job, update, index) ?:
	       place_changes(job, update, index) ?: fix_up(job, update, index);
	if (code)
		core_detach(update, index);
	return code;
}

void core_detach(struct update *update, u32 index)
{
	u32 i;

	for (i = 0; i < update->request->objects; i++) {
		if (update->modules[i].user != index)
			continue;
		if (i != index)
			module_put(update->objects[i].module);
		update->objects[i].module = NULL;
	}
}

void core_detach_all(struct update *update)
{
	u32 i;

	for (i = 0; i < update->request->objects; i++)
		if (core_is_patched(update, i))
			core_detach(update, i);
}

/* One that is not formed yet comes by our notifier, later. */
u32 core_attach_loaded(struct job *job, struct update *update)
{
	u32 code = RESPLICE_CORE_OK, i;

	for (i = 0; i < update->request->objects && !code; i++) {
		struct module *module;
		bool moves = false;

		if (!core_is_patched(update, i))
			continue;
		preempt_disable();
		module = find_module(update->modules[i].name);
		if (module)
			moves = module->state != MODULE_STATE_LIVE;
		preempt_enable();
		if (moves)
			code = core_refuse(job, RESPLICE_CORE_NO_MODULE, i);
		else if (module)
			code = core_attach(job, update, i, module);
	}
	if (code)
		core_detach_all(update);
	return code;
}

static const char *describe(u32 code)
{
	switch (code) {
	case RESPLICE_CORE_OLD_BYTES:
	case RESPLICE_CORE_OLD_DATA:
		return "it is not the build that the update was made for";
	case RESPLICE_CORE_WRONG_BUILD:
		return "it, or a module it uses, is not the build that the update was made for";
	case RESPLICE_CORE_NO_SYMBOL:
		return "it lacks a symbol";
	case RESPLICE_CORE_NO_MODULE:
		return "a module that its new code uses is not loaded";
	case RESPLICE_CORE_PROBED:
		return "a kprobe is where a jump has to go";
	case RESPLICE_CORE_HOOK_REFUSED:
		return "a hook of the update refused";
	default:
		return "the update cannot be written into it";
	}
}

static u32 let_in(struct plan *plan, u32 index, struct module *module)
{
	struct update *update = plan->in;
	u32 code = core_attach(plan->job, update, index, module);

	if (code)
		return code;
	code = core_run_hooks(plan, 0, RESPLICE_KIND_PRE_APPLY, true) ?:
	       core_run_hooks(plan, 0, RESPLICE_KIND_CHECK_APPLY, true);
	if (!code) {
		core_lock_text();
		code = core_check_memory(plan);
		if (!code)
			core_write_all(plan, NULL, NULL);
		core_unlock_text();
	}
	core_run_hooks(plan, 0, code ? RESPLICE_KIND_FAIL_APPLY : RESPLICE_KIND_APPLY, false);
	if (code)
		core_detach(update, index);
	else
		core_run_hooks(plan, 0, RESPLICE_KIND_POST_APPLY, false);
	return code;
}

static void let_go(struct update *update, u32 index)
{
	struct resplice_core_reply reply;
	struct job job = { .reply = &reply };
	struct plan plan = { .job = &job, .out = &update, .outs = 1,
			     .only = &update->objects[index] };

	core_run_hooks(&plan, RESPLICE_KIND_UNDO, 0, false);
	core_run_hooks(&plan, RESPLICE_KIND_POST_UNDO, 0, false);
	core_detach(update, index);
}

/* The object of that name; -1: it has none. */
static int find_object(const struct update *update, const char *name)
{
	u32 i;

	for (i = 0; i < update->request->objects; i++)
		if (core_is_patched(update, i) && !strcmp(update->modules[i].name, name))
			return i;
	return -1;
}

static void module_goes(struct module *module)
{
	struct update *update;

	/* The reverse of the order in which they were applied. */
	list_for_each_entry_reverse(update, &core_updates, list) {
		int index = find_object(update, module->name);

		if (index >= 0 && update->objects[index].module == module)
			let_go(update, index);
	}
}

static int module_comes(struct module *module)
{
	struct resplice_core_reply reply = {};
	struct job job = { .reply = &reply };
	struct update *update;
	u32 code;

	list_for_each_entry(update, &core_updates, list) {
		int index = find_object(update, module->name);
		struct plan plan = { .job = &job, .in = update };

		if (index < 0 || update->state != RESPLICE_CORE_APPLIED)
			continue;
		plan.only = &update->objects[index];
		code = let_in(&plan, index, module);
		if (!code)
			continue;
		pr_err("resplice: %s is not let in: it has to be patched by %s, but %s (answer %u, entry %u)\n",
		       module->name, update->request->name, describe(code), code, reply.item);
		module_goes(module);
		return -ENOEXEC;
	}
	return 0;
}

static bool is_known(const struct module *module)
{
	struct update *update;
	bool known = false;

	mutex_lock(&core_updates_lock);
	list_for_each_entry(update, &core_updates, list)
		known |= find_object(update, module->name) >= 0;
	mutex_unlock(&core_updates_lock);
	return known;
}

static int notice(struct notifier_block *block, unsigned long state, void *data)
{
	struct module *module = data;
	int err = 0;

	if ((state != MODULE_STATE_COMING && state != MODULE_STATE_GOING) || !is_known(module))
		return NOTIFY_OK;
	if (state == MODULE_STATE_GOING)
		down(&core_operation);
	else if (down_killable(&core_operation))
		return notifier_from_errno(-EINTR);
	if (state == MODULE_STATE_GOING)
		module_goes(module);
	else
		err = module_comes(module);
	up(&core_operation);
	return notifier_from_errno(err);
}

/* After those that prepare a module (jump labels, tracepoints, probes), and before it runs. */
static struct notifier_block noticing = { .notifier_call = notice, .priority = -1 };

int core_watch_modules(void)
{
	return register_module_notifier(&noticing);
}

void core_ignore_modules(void)
{
	unregister_module_notifier(&noticing);
}
