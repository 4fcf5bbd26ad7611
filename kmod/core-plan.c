// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a switch must find: memory as it is expected, updates that depend on each other as they
 * should, and the places where no thread may be.
 */
#include <linux/kprobes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include "core.h"

u32 core_refuse_for(struct plan *plan, const struct update *update, u32 code, u32 item)
{
	memcpy(plan->job->reply->name, update->request->name, RESPLICE_CORE_NAME_SIZE);
	return core_refuse(plan->job, code, item);
}

/* Puts back what an update would put back at [start, start + length), in a copy of it. */
static void restore(const struct update *update, unsigned long start, u8 *copy, u32 length)
{
	const struct change *change = update->changes;

	for (; change < update->changes + update->count; change++) {
		unsigned long first = max(change->address, start);
		unsigned long end = min(change->address + change->size, start + length);

		if (first < end)
			memcpy(copy + (first - start), change->old + (first - change->address),
			       end - first);
	}
}

/*
 * Is memory as an update that goes has left it, or, when the others are gone, as one that
 * comes wants it?
 */
static bool is_as_expected(const struct plan *plan, const struct change *change, bool comes)
{
	const u8 *expected = comes ? change->old : change->new;
	u8 copy[64];
	u32 done, part, i;

	for (done = 0; done < change->size; done += part) {
		part = min_t(u32, change->size - done, sizeof(copy));
		if (copy_from_kernel_nofault(copy, (void *)change->address + done, part))
			return false;
		for (i = 0; comes && i < plan->outs; i++)
			restore(plan->out[i], change->address + done, copy, part);
		if (memcmp(copy, expected + done, part))
			return false;
	}
	return true;
}

/*
 * A kprobe keeps the first byte of its place to put it back, and when it is optimised
 * four more; a disabled one does so when it is enabled.
 */
static bool is_probed(const struct change *change)
{
#ifdef CONFIG_KPROBES
	unsigned long address = change->address - RESPLICE_CORE_JUMP_SIZE + 1;

	for (; address < change->address + change->size; address++)
		if (get_kprobe((void *)address))
			return true;
#endif
	return false;
}

static u32 check_changes(struct plan *plan, const struct update *update, bool comes)
{
	u32 sites = update->request->sites, i;

	for (i = 0; i < update->count; i++) {
		if (!is_as_expected(plan, &update->changes[i], comes))
			return i < sites ?
				core_refuse_for(plan, update, RESPLICE_CORE_OLD_BYTES, i) :
				core_refuse_for(plan, update, RESPLICE_CORE_OLD_DATA, i - sites);
		if (i < sites && is_probed(&update->changes[i]))
			return core_refuse_for(plan, update, RESPLICE_CORE_PROBED, i);
	}
	return RESPLICE_CORE_OK;
}

u32 core_check_memory(struct plan *plan)
{
	u32 code = RESPLICE_CORE_OK, i;

	for (i = 0; i < plan->outs && !code; i++)
		code = check_changes(plan, plan->out[i], false);
	return code ?: plan->in ? check_changes(plan, plan->in, true) : RESPLICE_CORE_OK;
}

static bool goes(const struct plan *plan, const struct update *update)
{
	u32 i;

	for (i = 0; i < plan->outs; i++)
		if (plan->out[i] == update)
			return true;
	return false;
}

static bool needs(const struct update *update, const struct module *module)
{
	u32 i;

	for (i = 0; i < update->request->names; i++)
		if (update->needed[i] == module)
			return true;
	return false;
}

/* Does it change what the module brought? */
static bool changes_code_of(const struct update *update, const struct module *module, u32 *item)
{
	for (*item = 0; *item < update->count; ++*item)
		if (update->changes[*item].owner == module)
			return true;
	return false;
}

static bool changes_same_bytes(const struct update *a, const struct update *b, u32 *item)
{
	u32 i;

	for (*item = 0; *item < a->count; ++*item) {
		const struct change *one = &a->changes[*item];

		for (i = 0; i < b->count; i++)
			if (one->address < b->changes[i].address + b->changes[i].size &&
			    b->changes[i].address < one->address + one->size)
				return true;
	}
	return false;
}

/* An update that goes must not be needed by one that stays. */
u32 core_check_dependents(struct plan *plan)
{
	struct update *other;
	u32 i, item;

	for (i = 0; i < plan->outs; i++)
		list_for_each_entry(other, &core_updates, list) {
			struct module *module = plan->out[i]->module;

			if (!goes(plan, other) && other->state != RESPLICE_CORE_UNDONE &&
			    (needs(other, module) ||
			     (other->state == RESPLICE_CORE_APPLIED &&
			      changes_code_of(other, module, &item))))
				return core_refuse_for(plan, other, RESPLICE_CORE_NEEDED,
						  RESPLICE_CORE_NO_ITEM);
		}
	return RESPLICE_CORE_OK;
}

/*
 * One that comes must not change what one that stays has changed, nor be built on one that
 * does not stay.
 */
u32 core_check_conflicts(struct plan *plan)
{
	struct update *other;
	u32 item;

	list_for_each_entry(other, &core_updates, list) {
		if (other == plan->in)
			continue;
		if (other->state == RESPLICE_CORE_APPLIED && !goes(plan, other)) {
			if (changes_same_bytes(plan->in, other, &item))
				return core_refuse_for(plan, other, RESPLICE_CORE_CONFLICT, item);
		} else if (changes_code_of(plan->in, other->module, &item)) {
			return core_refuse_for(plan, other, RESPLICE_CORE_CONFLICT, item);
		} else if (needs(plan->in, other->module)) {
			return core_refuse_for(plan, other, RESPLICE_CORE_CONFLICT,
					  RESPLICE_CORE_NO_ITEM);
		}
	}
	return RESPLICE_CORE_OK;
}

static void add_stretch(struct ranges *ranges, unsigned long start, unsigned long end)
{
	ranges->stretch[ranges->count++] = (struct stretch){ start, end };
}

static int compare_stretches(const void *a, const void *b)
{
	const struct stretch *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

static void sort_ranges(struct ranges *ranges)
{
	sort(ranges->stretch, ranges->count, sizeof(*ranges->stretch), compare_stretches, NULL);
}

/* Where threads must not be. What may coexist ends in its own time; FORGET waits for it. */
u32 core_find_forbidden(struct plan *plan, bool except)
{
	struct forbidden *where = &plan->where;
	u32 ranges = plan->outs + (plan->in ? plan->in->request->sites : 0), exceptions = 0, i, j;

	for (i = 0; i < plan->outs; i++)
		exceptions += plan->out[i]->request->sites;
	where->ranges.stretch = kvcalloc(ranges, sizeof(struct stretch), GFP_KERNEL);
	where->except.stretch = kvcalloc(exceptions, sizeof(struct stretch), GFP_KERNEL);
	if (!where->ranges.stretch || !where->except.stretch)
		return core_fail(plan->job, -ENOMEM);
	for (i = 0; plan->in && i < plan->in->request->sites; i++) {
		const struct resplice_core_site *site = &plan->in->sites[i];
		const struct change *change = &plan->in->changes[i];

		if (site->flags & RESPLICE_CORE_COEXIST)
			add_stretch(&where->ranges, change->address,
				    change->address + change->size);
		else
			add_stretch(&where->ranges, site->old_start,
				    site->old_start + site->old_size);
	}
	for (i = 0; i < plan->outs; i++) {
		const struct update *out = plan->out[i];

		if (out->text_end > out->text_start)
			add_stretch(&where->ranges, out->text_start - 1, out->text_end);
		for (j = 0; except && j < out->request->sites; j++)
			if (out->sites[j].flags & RESPLICE_CORE_COEXIST)
				add_stretch(&where->except, out->sites[j].new_start - 1,
					    out->sites[j].new_start + out->sites[j].new_size);
	}
	sort_ranges(&where->ranges);
	sort_ranges(&where->except);
	return RESPLICE_CORE_OK;
}

/* The updates that APPLY or CHECK names: known, applied, each once. */
u32 core_find_replaced(struct plan *plan)
{
	const struct resplice_core_request *request = plan->job->request;
	const struct resplice_core_name *names = (const void *)(request + 1);
	struct update *update;
	u32 i, j;

	for (i = 0; i < request->names; i++) {
		update = core_find(names[i].name);
		if (!update)
			return core_refuse(plan->job, RESPLICE_CORE_UNKNOWN, i);
		if (update->state != RESPLICE_CORE_APPLIED)
			return core_refuse(plan->job, RESPLICE_CORE_WRONG_STATE, i);
		for (j = 0; j < i; j++)
			if (!strcmp(names[i].name, names[j].name))
				return core_refuse(plan->job, RESPLICE_CORE_BAD_NAME, i);
	}
	list_for_each_entry_reverse(update, &core_updates, list)
		for (i = 0; i < request->names; i++)
			if (!strcmp(update->request->name, names[i].name))
				plan->out[plan->outs++] = update;
	return RESPLICE_CORE_OK;
}
