// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads requests and checks them against the running kernel. Nothing in a request is
 * believed: it may come from a bug, or be made for another boot.
 */
#include <linux/kallsyms.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/sections.h>
#include "core.h"

/* What a request of each type may have. */
static const struct {
	bool named;
	bool entries; /* sites, data, hooks, bytes */
	bool names;
	bool attempts;
	u32 flags;
} allowed[] = {
	[RESPLICE_CORE_PREPARE] = { .named = true, .entries = true, .names = true },
	[RESPLICE_CORE_CHECK] = { .named = true, .names = true, .attempts = true,
				  .flags = RESPLICE_CORE_CHECK_UNDO },
	[RESPLICE_CORE_APPLY] = { .named = true, .names = true, .attempts = true },
	[RESPLICE_CORE_UNDO] = { .named = true, .attempts = true },
	[RESPLICE_CORE_FORGET] = { .named = true, .attempts = true },
	[RESPLICE_CORE_STATUS] = { .named = false },
};

static bool is_update_name(const char *name)
{
	size_t length = strnlen(name, RESPLICE_CORE_NAME_SIZE);

	return length < RESPLICE_CORE_NAME_SIZE &&
	       !memchr_inv(name + length, 0, RESPLICE_CORE_NAME_SIZE - length) &&
	       strstarts(name, RESPLICE_CORE_PREFIX) && strcmp(name, THIS_MODULE->name);
}

static u32 check_names(struct job *job, const struct resplice_core_name *names)
{
	bool any = job->request->type == RESPLICE_CORE_PREPARE;
	u32 i;

	for (i = 0; i < job->request->names; i++)
		if (any ? !memchr(names[i].name, 0, sizeof(names[i].name)) :
			  !is_update_name(names[i].name))
			return core_refuse(job, RESPLICE_CORE_BAD_NAME, i);
	return RESPLICE_CORE_OK;
}

/* What needs no look at the kernel. */
u32 core_read_request(struct job *job, size_t size)
{
	struct resplice_core_request *request = job->request;
	u64 names, total;
	u32 most;

	if (size < sizeof(*request))
		return RESPLICE_CORE_BAD_SIZE;
	if (request->magic != RESPLICE_CORE_MAGIC)
		return RESPLICE_CORE_BAD_MAGIC;
	if (request->abi != RESPLICE_CORE_ABI)
		return RESPLICE_CORE_BAD_ABI;
	if (!request->type || request->type >= ARRAY_SIZE(allowed))
		return RESPLICE_CORE_BAD_TYPE;
	job->reply->type = request->type;
	most = max(max(request->sites, request->data), max(request->hooks, request->names));
	if (most > RESPLICE_CORE_LIMIT_COUNT ||
	    (request->names && !allowed[request->type].names) ||
	    (!allowed[request->type].entries &&
	     (request->sites || request->data || request->hooks || request->bytes)))
		return RESPLICE_CORE_BAD_COUNT;
	names = sizeof(*request) + (u64)request->sites * sizeof(struct resplice_core_site) +
		(u64)request->data * sizeof(struct resplice_core_data) +
		(u64)request->hooks * sizeof(struct resplice_core_hook);
	total = names + (u64)request->names * sizeof(struct resplice_core_name) + request->bytes;
	if (request->size != size || total != size)
		return RESPLICE_CORE_BAD_SIZE;
	if (request->reserved || request->flags & ~allowed[request->type].flags ||
	    !request->attempts == allowed[request->type].attempts ||
	    request->attempts > RESPLICE_CORE_LIMIT_ATTEMPTS ||
	    request->backoff_us > (request->attempts ? RESPLICE_CORE_LIMIT_BACKOFF_US : 0))
		return RESPLICE_CORE_BAD_FIELD;
	if (allowed[request->type].named ? !is_update_name(request->name) :
	    !!memchr_inv(request->name, 0, sizeof(request->name)))
		return RESPLICE_CORE_BAD_NAME;
	return check_names(job, (void *)request + names);
}

/* The live module whose text, other than that of its initialisation, has the address. */
static struct module *text_module(unsigned long address)
{
	struct module *module;

	preempt_disable();
	module = __module_text_address(address);
	if (module && (!within_module_core(address, module) || module->state != MODULE_STATE_LIVE))
		module = NULL;
	preempt_enable();
	return module;
}

static struct module *hold_module(const char *name)
{
	struct module *module;

	preempt_disable();
	module = find_module(name);
	if (module && (module->state != MODULE_STATE_LIVE || !try_module_get(module)))
		module = NULL;
	preempt_enable();
	return module;
}

/* Page by page: where a module's text is kept differs between kernels, but it has whole pages. */
static void find_text(struct update *update, unsigned long inside)
{
	update->text_start = inside & PAGE_MASK;
	update->text_end = update->text_start;
	while (text_module(update->text_start - PAGE_SIZE) == update->module)
		update->text_start -= PAGE_SIZE;
	while (text_module(update->text_end) == update->module)
		update->text_end += PAGE_SIZE;
}

static bool is_in_text_of(const struct update *update, u64 start, u32 size)
{
	return size && start >= update->text_start && start < update->text_end &&
	       size <= update->text_end - start;
}

static u32 check_old_function(const struct update *update, const struct resplice_core_site *site,
			      struct change *change)
{
	unsigned long start = site->old_start, last = start + site->old_size - 1;
	u64 jump_end = (u64)site->jump_offset + RESPLICE_CORE_JUMP_SIZE;

	change->owner = text_module(start);
	if (!site->old_size || site->old_size > RESPLICE_CORE_LIMIT_OLD_SIZE || last < start ||
	    change->owner == update->module || change->owner == THIS_MODULE ||
	    text_module(last) != change->owner ||
	    (!change->owner && !(core_kernel_text(start) && core_kernel_text(last))))
		return RESPLICE_CORE_NOT_TEXT;
	if (jump_end > site->old_size)
		return RESPLICE_CORE_NOT_FUNCTION;
#ifdef CONFIG_KALLSYMS
	{
		unsigned long size, offset;

		if (!kallsyms_lookup_size_offset(start, &size, &offset) || offset ||
		    jump_end > size)
			return RESPLICE_CORE_NOT_FUNCTION;
	}
#endif
	return RESPLICE_CORE_OK;
}

static u32 check_site(const struct update *update, const struct resplice_core_site *site,
		      struct change *change)
{
	s64 distance;
	u32 code;

	if (site->flags & ~RESPLICE_CORE_COEXIST ||
	    memchr_inv(site->reserved, 0, sizeof(site->reserved)))
		return RESPLICE_CORE_BAD_FIELD;
	code = check_old_function(update, site, change);
	if (code)
		return code;
	if (!is_in_text_of(update, site->new_start, site->new_size) ||
	    site->target < site->new_start || site->target - site->new_start >= site->new_size)
		return RESPLICE_CORE_NOT_IN_UPDATE;
	change->address = site->old_start + site->jump_offset;
	change->size = RESPLICE_CORE_JUMP_SIZE;
	change->old = site->old_bytes;
	change->new = change->jump;
	distance = site->target - (change->address + change->size);
	change->jump[0] = 0xe9;
	*(s32 *)(change->jump + 1) = distance;
	return distance == (s32)distance ? RESPLICE_CORE_OK : RESPLICE_CORE_TOO_FAR;
}

static bool is_within(u64 address, u32 size, const char *start, const char *end)
{
	return address >= (u64)start && address < (u64)end && size <= (u64)end - address;
}

/* Read-only data and bug table of the kernel, or data of a module but an update's own. */
static bool is_data_place(const struct update *update, u64 address, u32 size,
			  struct module **owner)
{
	u64 last = address + size - 1;
	struct module *module;
	bool fits;

	if (is_within(address, size, __start_rodata, __end_rodata))
		return true;
#ifdef CONFIG_GENERIC_BUG
	if (is_within(address, size, __start___bug_table, __stop___bug_table))
		return true;
#endif
	preempt_disable();
	module = __module_address(address);
	fits = module && module->state == MODULE_STATE_LIVE && module != update->module &&
	       module != THIS_MODULE && within_module_core(address, module) &&
	       within_module_core(last, module) && !__module_text_address(address) &&
	       !__module_text_address(last);
	preempt_enable();
	*owner = module;
	return fits;
}

static u32 check_data(const struct update *update, const struct resplice_core_data *data,
		      struct change *change)
{
	u64 end = (u64)data->offset + 2 * (u64)data->size;

	if (!data->size || data->size > RESPLICE_CORE_LIMIT_DATA_SIZE ||
	    end > update->request->bytes ||
	    !is_data_place(update, data->address, data->size, &change->owner))
		return RESPLICE_CORE_BAD_DATA;
	change->address = data->address;
	change->size = data->size;
	change->old = update->bytes + data->offset;
	change->new = change->old + data->size;
	return RESPLICE_CORE_OK;
}

static u32 check_hook(const struct update *update, const struct resplice_core_hook *hook)
{
	if (hook->reserved)
		return RESPLICE_CORE_BAD_FIELD;
	if (hook->kind < RESPLICE_KIND_PRE_APPLY || hook->kind > RESPLICE_KIND_CHECK_UNDO)
		return RESPLICE_CORE_BAD_HOOK;
	return is_in_text_of(update, hook->function, 1) ? RESPLICE_CORE_OK :
							  RESPLICE_CORE_NOT_IN_UPDATE;
}

/* Two sites in one function, or two data entries on the same bytes. */
static bool overlaps_earlier(const struct update *update, u32 item)
{
	u32 sites = update->request->sites, i;

	for (i = item < sites ? 0 : sites; i < item; i++) {
		const struct change *a = &update->changes[i], *b = &update->changes[item];
		u64 start = item < sites ? update->sites[i].old_start : a->address;
		u64 other = item < sites ? update->sites[item].old_start : b->address;

		if (start < other + (item < sites ? update->sites[item].old_size : b->size) &&
		    other < start + (item < sites ? update->sites[i].old_size : a->size))
			return true;
	}
	return false;
}

static u32 check_entries(struct job *job, struct update *update)
{
	u32 sites = update->request->sites, i, item, code;

	for (i = 0; i < update->count; i++) {
		item = i < sites ? i : i - sites;
		code = i < sites ? check_site(update, &update->sites[i], &update->changes[i]) :
				   check_data(update, &update->data[item], &update->changes[i]);
		if (!code && overlaps_earlier(update, i))
			code = RESPLICE_CORE_OVERLAP;
		if (code)
			return core_refuse(job, code, item);
		cond_resched();
	}
	for (i = 0; i < update->request->hooks; i++) {
		code = check_hook(update, &update->hooks[i]);
		if (code)
			return core_refuse(job, code, i);
	}
	return RESPLICE_CORE_OK;
}

void core_free_update(struct update *update)
{
	u32 i;

	for (i = 0; update->needed && i < update->request->names; i++)
		module_put(update->needed[i]);
	module_put(update->module);
	kvfree(update->needed);
	kvfree(update->changes);
	kvfree(update->request);
	kfree(update);
}

/* Points the update into the request, which it takes over, and holds its modules. */
static u32 set_up(struct job *job, struct update *update)
{
	struct resplice_core_request *request = job->request;
	u32 i;

	job->request = NULL;
	update->state = RESPLICE_CORE_PREPARED;
	update->request = request;
	update->sites = (void *)(request + 1);
	update->data = (void *)(update->sites + request->sites);
	update->hooks = (void *)(update->data + request->data);
	update->names = (void *)(update->hooks + request->hooks);
	update->bytes = (void *)(update->names + request->names);
	update->count = request->sites + request->data;
	update->changes = kvcalloc(update->count, sizeof(*update->changes), GFP_KERNEL);
	update->needed = kvcalloc(request->names, sizeof(*update->needed), GFP_KERNEL);
	if (!update->changes || !update->needed)
		return core_fail(job, -ENOMEM);
	update->module = hold_module(request->name);
	if (!update->module)
		return RESPLICE_CORE_NO_MODULE;
	if (is_livepatch_module(update->module))
		return RESPLICE_CORE_BAD_NAME;
	for (i = 0; i < request->names; i++) {
		update->needed[i] = hold_module(update->names[i].name);
		if (!update->needed[i])
			return core_refuse(job, RESPLICE_CORE_NO_MODULE, i);
	}
	if (request->sites || request->hooks)
		find_text(update, request->sites ? update->sites[0].new_start :
						   update->hooks[0].function);
	return RESPLICE_CORE_OK;
}

u32 core_prepare(struct job *job)
{
	struct update *update;
	u32 code;

	if (!job->request->sites && !job->request->data)
		return RESPLICE_CORE_BAD_COUNT;
	if (core_find(job->request->name))
		return RESPLICE_CORE_KNOWN;
	update = kzalloc(sizeof(*update), GFP_KERNEL);
	if (!update)
		return core_fail(job, -ENOMEM);
	code = set_up(job, update) ?: check_entries(job, update);
	if (code) {
		core_free_update(update);
		return code;
	}
	__module_get(THIS_MODULE);
	mutex_lock(&core_updates_lock);
	list_add_tail(&update->list, &core_updates);
	mutex_unlock(&core_updates_lock);
	return RESPLICE_CORE_OK;
}
