// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the changes of an update lie, and whether that is a place where something may be
 * changed. Of what belongs to a module this is known when the module is there.
 */
#include <linux/elf.h>
#include <linux/kallsyms.h>
#include <linux/mm.h>
#include <asm/sections.h>
#include "core.h"

/* The module, on its way in or live, whose text other than that of its initialisation it is. */
struct module *core_text_module(unsigned long address)
{
	struct module *module;

	preempt_disable();
	module = __module_text_address(address);
	if (module && (!within_module_core(address, module) || module->state == MODULE_STATE_GOING))
		module = NULL;
	preempt_enable();
	return module;
}

bool core_is_in_text_of(const struct update *update, u64 start, u32 size)
{
	return size && start >= update->text_start && start < update->text_end &&
	       size <= update->text_end - start;
}

static bool is_needed(const struct update *update, const struct module *module)
{
	u32 i;

	for (i = 0; i < update->request->names; i++)
		if (update->needed[i] == module)
			return true;
	return false;
}

/* Of the kernel, of the object that the change belongs to, or of a module that is held. */
static bool is_old_text(const struct update *update, const struct change *change,
			unsigned long address)
{
	struct module *module = core_text_module(address);

	if (change->object)
		return module == change->object->module;
	if (!module)
		return core_kernel_text(address);
	return module != update->module && module != THIS_MODULE && is_needed(update, module);
}

static u32 check_old_function(const struct update *update, const struct change *change,
			      u64 jump_end)
{
	unsigned long start = change->start, last = change->end - 1;

	if (last < start || !is_old_text(update, change, start) ||
	    !is_old_text(update, change, last) ||
	    core_text_module(start) != core_text_module(last))
		return RESPLICE_CORE_NOT_TEXT;
	if (start + jump_end > change->end)
		return RESPLICE_CORE_NOT_FUNCTION;
#ifdef CONFIG_KALLSYMS
	{
		unsigned long length, offset;

		if (!kallsyms_lookup_size_offset(start, &length, &offset) || offset ||
		    jump_end > length)
			return RESPLICE_CORE_NOT_FUNCTION;
	}
#endif
	return RESPLICE_CORE_OK;
}

static u32 place_site(const struct update *update, const struct resplice_core_site *site,
		      struct change *change)
{
	s64 distance;
	u32 code;

	change->start = change->object ? update->addresses[site->old_start] : site->old_start;
	change->end = change->start + site->old_size;
	code = check_old_function(update, change,
				  (u64)site->jump_offset + RESPLICE_CORE_JUMP_SIZE);
	change->address = change->start + site->jump_offset;
	distance = site->target - (change->address + RESPLICE_CORE_JUMP_SIZE);
	change->jump[0] = 0xe9;
	*(s32 *)(change->jump + 1) = distance;
	return code ?: distance == (s32)distance ? RESPLICE_CORE_OK : RESPLICE_CORE_TOO_FAR;
}

static bool is_within(u64 address, u32 size, const char *start, const char *end)
{
	return address >= (u64)start && address < (u64)end && size <= (u64)end - address;
}

/* Read-only data and bug table of the kernel, or data of the object. */
static bool is_data(const struct change *change)
{
	const struct module *module = change->object ? change->object->module : NULL;
	u64 last = change->address + change->size - 1;

	if (module)
		return within_module_core(change->address, module) &&
		       within_module_core(last, module) &&
		       !core_text_module(change->address) && !core_text_module(last);
#ifdef CONFIG_GENERIC_BUG
	if (is_within(change->address, change->size, __start___bug_table, __stop___bug_table))
		return true;
#endif
	return is_within(change->address, change->size, __start_rodata, __end_rodata);
}

static u32 place_data(const struct update *update, const struct resplice_core_data *data,
		      struct change *change)
{
	change->address = change->object ? update->addresses[data->address] + data->from :
					   data->address;
	change->start = change->address;
	change->end = change->address + change->size;
	return is_data(change) ? RESPLICE_CORE_OK : RESPLICE_CORE_BAD_DATA;
}

/* Two sites in one function, or two data entries on the same bytes. */
static bool overlaps_other(const struct update *update, u32 index)
{
	const struct change *change = &update->changes[index], *other = update->changes;

	for (; other < update->changes + update->count; other++)
		if (other != change && (!other->object || other->object->module) &&
		    change->start < other->end && other->start < change->end)
			return true;
	return false;
}

/* What it belongs to is there. */
u32 core_place_change(struct update *update, u32 index)
{
	struct change *change = &update->changes[index];
	u32 sites = update->request->sites;
	u32 code = index < sites ? place_site(update, &update->sites[index], change) :
				   place_data(update, &update->data[index - sites], change);

	if (!code && overlaps_other(update, index))
		return RESPLICE_CORE_OVERLAP;
	return code;
}

/* `object` of an entry: 0, or 1 + the index of one that the update changes. */
static bool is_object(const struct update *update, u32 object)
{
	return !object ||
	       (object <= update->request->objects && core_is_patched(update, object - 1));
}

/* When an entry belongs to an object, its `address` is the index of a symbol of that. */
static u32 check_place(const struct update *update, u64 address, u32 object)
{
	if (is_object(update, object) &&
	    (!object || (address < update->request->symbols &&
			 update->symbols[address].object == object - 1)))
		return RESPLICE_CORE_OK;
	return RESPLICE_CORE_BAD_OBJECT;
}

static bool is_in_bytes(const struct update *update, u32 offset, u64 size)
{
	return offset + size <= update->request->bytes;
}

static u32 check_site(const struct update *update, u32 index)
{
	const struct resplice_core_site *site = &update->sites[index];

	if (site->flags & ~RESPLICE_CORE_COEXIST)
		return RESPLICE_CORE_BAD_FIELD;
	if (!site->old_size || site->old_size > RESPLICE_CORE_LIMIT_OLD_SIZE)
		return RESPLICE_CORE_NOT_TEXT;
	if (!is_in_bytes(update, site->code, 2 * (u64)site->old_size))
		return RESPLICE_CORE_BAD_FIELD;
	if (!core_is_in_text_of(update, site->new_start, site->new_size) ||
	    site->target < site->new_start || site->target - site->new_start >= site->new_size)
		return RESPLICE_CORE_NOT_IN_UPDATE;
	return check_place(update, site->old_start, site->object);
}

static bool is_content(const struct update *update, const struct resplice_core_data *data)
{
	u64 last = data->content + 2 * (u64)data->size - 1;

	if (data->flags & RESPLICE_CORE_IN_UPDATE)
		return last > data->content && within_module_core(data->content, update->module) &&
		       within_module_core(last, update->module);
	return data->content <= U32_MAX && is_in_bytes(update, data->content, 2 * (u64)data->size);
}

static u32 check_data(const struct update *update, u32 index)
{
	const struct resplice_core_data *data = &update->data[index];

	if (data->flags & ~RESPLICE_CORE_IN_UPDATE || (data->from && !data->object))
		return RESPLICE_CORE_BAD_FIELD;
	if (!data->size || data->size > RESPLICE_CORE_LIMIT_DATA_SIZE ||
	    !is_content(update, data))
		return RESPLICE_CORE_BAD_DATA;
	return check_place(update, data->address, data->object);
}

static u32 check_hook(const struct update *update, u32 index)
{
	const struct resplice_core_hook *hook = &update->hooks[index];

	if (hook->kind < RESPLICE_KIND_PRE_APPLY || hook->kind > RESPLICE_KIND_CHECK_UNDO)
		return RESPLICE_CORE_BAD_HOOK;
	if (!core_is_in_text_of(update, hook->function, 1))
		return RESPLICE_CORE_NOT_IN_UPDATE;
	return is_object(update, hook->object) ? RESPLICE_CORE_OK : RESPLICE_CORE_BAD_OBJECT;
}

static u32 check_object(const struct update *update, u32 index)
{
	const struct resplice_core_object *object = &update->modules[index];
	u32 i;

	if (object->build_id_size > sizeof(object->build_id) ||
	    memchr_inv(object->build_id + object->build_id_size, 0,
		       sizeof(object->build_id) - object->build_id_size))
		return RESPLICE_CORE_BAD_FIELD;
	if (!object->name[0] || !memchr(object->name, 0, sizeof(object->name)))
		return RESPLICE_CORE_BAD_NAME;
	if (strstarts(object->name, RESPLICE_CORE_PREFIX) ||
	    object->user >= update->request->objects || !core_is_patched(update, object->user))
		return RESPLICE_CORE_BAD_OBJECT;
	for (i = 0; i < index; i++)
		if (!strcmp(update->modules[i].name, object->name) &&
		    (update->modules[i].user == object->user ||
		     (core_is_patched(update, i) && core_is_patched(update, index))))
			return RESPLICE_CORE_OVERLAP;
	return RESPLICE_CORE_OK;
}

static u32 check_symbol(const struct update *update, u32 index)
{
	const struct resplice_core_symbol *symbol = &update->symbols[index];
	u32 start = symbol->name, end = update->request->bytes;

	if (symbol->reserved)
		return RESPLICE_CORE_BAD_FIELD;
	if (symbol->object >= update->request->objects)
		return RESPLICE_CORE_BAD_OBJECT;
	if (start >= end || !memchr(update->bytes + start, 0, end - start))
		return RESPLICE_CORE_BAD_NAME;
	return RESPLICE_CORE_OK;
}

static u32 check_fixup(const struct update *update, u32 index)
{
	const struct resplice_core_fixup *fixup = &update->fixups[index];
	u64 last = fixup->place + (fixup->type == R_X86_64_64 ? 7 : 3);

	if (fixup->symbol >= update->request->symbols)
		return RESPLICE_CORE_BAD_OBJECT;
	if ((fixup->type != R_X86_64_64 && fixup->type != R_X86_64_32 &&
	     fixup->type != R_X86_64_32S && fixup->type != R_X86_64_PC32 &&
	     fixup->type != R_X86_64_PLT32) ||
	    !within_module_core(fixup->place, update->module) ||
	    !within_module_core(last, update->module))
		return RESPLICE_CORE_BAD_FIXUP;
	return RESPLICE_CORE_OK;
}

/* All entries, as far as they do not depend on what is there. Objects and symbols first. */
u32 core_check_tables(struct job *job, const struct update *update)
{
	const struct resplice_core_request *request = update->request;
	const struct {
		u32 count;
		u32 (*check)(const struct update *update, u32 index);
	} tables[] = {
		{ request->objects, check_object }, { request->symbols, check_symbol },
		{ request->sites, check_site },	    { request->data, check_data },
		{ request->hooks, check_hook },	    { request->fixups, check_fixup },
	};
	u32 i, j, code;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (j = 0; j < tables[i].count; j++) {
			code = tables[i].check(update, j);
			if (code)
				return core_refuse(job, code, j);
			cond_resched();
		}
	return RESPLICE_CORE_OK;
}
