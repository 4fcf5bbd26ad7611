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

/* Is it there, or, when a module comes or goes, is it that one? NULL is always there. */
bool core_concerns(const struct plan *plan, const struct object *object)
{
	if (plan->only)
		return object == plan->only;
	return !object || object->module;
}

u32 core_refuse_for(struct plan *plan, const struct update *update, u32 code, u32 item)
{
	memcpy(plan->job->reply->name, update->request->name, RESPLICE_CORE_NAME_SIZE);
	return core_refuse(plan->job, code, item);
}

/* Puts back what an update would put back at [start, start + length), in a copy of it. */
static void restore(const struct plan *plan, const struct update *update, unsigned long start,
		    u8 *copy, u32 length)
{
	const struct change *change = update->changes;

	for (; change < update->changes + update->count; change++) {
		unsigned long first = max(change->address, start);
		unsigned long end = min(change->address + change->size, start + length);

		if (first < end && core_concerns(plan, change->object))
			memcpy(copy + (first - start), change->old + (first - change->address),
			       end - first);
	}
}

/* What is there; when an update comes, after those have gone that go. At most a few bytes. */
static bool read_memory(const struct plan *plan, unsigned long address, u8 *copy, u32 size,
			bool comes)
{
	u32 i;

	if (copy_from_kernel_nofault(copy, (void *)address, size))
		return false;
	for (i = 0; comes && i < plan->outs; i++)
		restore(plan, plan->out[i], address, copy, size);
	return true;
}

/* Are the bytes there, as far as the mask (all of them without one) has bits? */
static bool is_in_memory(const struct plan *plan, unsigned long address, const u8 *bytes,
			 const u8 *mask, u32 size, bool comes)
{
	u8 copy[64];
	u32 done, part, i;

	for (done = 0; done < size; done += part) {
		part = min_t(u32, size - done, sizeof(copy));
		if (!read_memory(plan, address + done, copy, part, comes))
			return false;
		for (i = 0; i < part; i++)
			if ((copy[i] ^ bytes[done + i]) & (mask ? mask[done + i] : 0xff))
				return false;
	}
	return true;
}

/*
 * As an update that goes has left it, or as one that comes wants it. What its jump overwrites
 * is found out here: loaders write there, too.
 */
static bool is_as_expected(const struct plan *plan, struct update *update, u32 index, bool comes)
{
	const struct resplice_core_site *site = &update->sites[index];
	struct change *change = &update->changes[index];
	const u8 *code;

	if (!comes)
		return is_in_memory(plan, change->address, change->new, NULL, change->size, false);
	if (index >= update->request->sites)
		return is_in_memory(plan, change->address, change->old, NULL, change->size, true);
	code = update->bytes + site->code;
	return is_in_memory(plan, change->start, code, code + site->old_size, site->old_size,
			    true) &&
	       read_memory(plan, change->address, change->overwritten, change->size, true);
}

/*
 * A kprobe keeps the first byte of its place to put it back, and when it is optimised four
 * more; a disabled one does so when it is enabled. In the rest of an old function it would
 * not be hit any more.
 */
static bool is_probed(const struct change *change, bool comes)
{
#ifdef CONFIG_KPROBES
	unsigned long address = comes ? change->start : change->address;
	unsigned long end = comes ? change->end : change->address + change->size;

	for (address -= RESPLICE_CORE_JUMP_SIZE - 1; address < end; address++)
		if (get_kprobe((void *)address))
			return true;
#endif
	return false;
}

static u32 check_changes(struct plan *plan, struct update *update, bool comes)
{
	u32 sites = update->request->sites, i;

	for (i = 0; i < update->count; i++) {
		if (!core_concerns(plan, update->changes[i].object))
			continue;
		if (i < sites && is_probed(&update->changes[i], comes))
			return core_refuse_for(plan, update, RESPLICE_CORE_PROBED, i);
		if (!is_as_expected(plan, update, i, comes))
			return i < sites ?
				core_refuse_for(plan, update, RESPLICE_CORE_OLD_BYTES, i) :
				core_refuse_for(plan, update, RESPLICE_CORE_OLD_DATA, i - sites);
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

static bool changes_same_bytes(const struct plan *plan, const struct update *other, u32 *item)
{
	u32 i;

	for (*item = 0; *item < plan->in->count; ++*item) {
		const struct change *one = &plan->in->changes[*item];

		for (i = 0; i < other->count && core_concerns(plan, one->object); i++) {
			const struct change *two = &other->changes[i];

			if (core_concerns(plan, two->object) &&
			    one->address < two->address + two->size &&
			    two->address < one->address + one->size)
				return true;
		}
	}
	return false;
}

/* An update that goes must not be needed by one that stays. */
u32 core_check_dependents(struct plan *plan)
{
	struct update *other;
	u32 i;

	for (i = 0; i < plan->outs; i++)
		list_for_each_entry(other, &core_updates, list)
			if (!goes(plan, other) && other->state != RESPLICE_CORE_UNDONE &&
			    needs(other, plan->out[i]->module))
				return core_refuse_for(plan, other, RESPLICE_CORE_NEEDED,
						       RESPLICE_CORE_NO_ITEM);
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
			if (changes_same_bytes(plan, other, &item))
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

		if (!core_concerns(plan, change->object))
			continue;
		if (site->flags & RESPLICE_CORE_COEXIST)
			add_stretch(&where->ranges, change->address,
				    change->address + change->size);
		else
			add_stretch(&where->ranges, change->start, change->end);
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
