// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads requests and checks them against the running kernel. Nothing in a request is
 * believed: it may come from a bug, or be made for another boot.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include "core.h"

/* What a request of each type may have. */
static const struct {
	bool named;
	bool entries; /* all counts but names */
	bool names;
	bool attempts;
	u32 flags;
} allowed[] = {
	[RESPLICE_CORE_PREPARE] = { .named = true, .entries = true, .names = true },
	[RESPLICE_CORE_CHECK] = { .named = true, .names = true, .attempts = true,
				  .flags = RESPLICE_CORE_CHECK_UNDO | RESPLICE_CORE_BY_WORDS },
	[RESPLICE_CORE_APPLY] = { .named = true, .names = true, .attempts = true,
				  .flags = RESPLICE_CORE_BY_WORDS },
	[RESPLICE_CORE_UNDO] = { .named = true, .attempts = true,
				 .flags = RESPLICE_CORE_BY_WORDS },
	[RESPLICE_CORE_FORGET] = { .named = true, .attempts = true },
	[RESPLICE_CORE_STATUS] = { .named = false },
};

/* The entries that follow a request, in their order. */
static const struct {
	size_t count; /* where the request has their number */
	size_t size;
	u32 limit;
	bool is_name;
} kinds[] = {
#define KIND(field, type, ...) \
	{ offsetof(struct resplice_core_request, field), sizeof(struct type), __VA_ARGS__ }
	KIND(sites, resplice_core_site, RESPLICE_CORE_LIMIT_COUNT),
	KIND(data, resplice_core_data, RESPLICE_CORE_LIMIT_COUNT),
	KIND(hooks, resplice_core_hook, RESPLICE_CORE_LIMIT_COUNT),
	KIND(names, resplice_core_name, RESPLICE_CORE_LIMIT_COUNT, true),
	KIND(objects, resplice_core_object, RESPLICE_CORE_LIMIT_COUNT),
	KIND(symbols, resplice_core_symbol, RESPLICE_CORE_LIMIT_FIXUPS),
	KIND(fixups, resplice_core_fixup, RESPLICE_CORE_LIMIT_FIXUPS),
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
	u64 names = 0, total;
	u32 i;

	if (size < sizeof(*request))
		return RESPLICE_CORE_BAD_SIZE;
	if (request->magic != RESPLICE_CORE_MAGIC)
		return RESPLICE_CORE_BAD_MAGIC;
	if (request->abi != RESPLICE_CORE_ABI)
		return RESPLICE_CORE_BAD_ABI;
	if (!request->type || request->type >= ARRAY_SIZE(allowed))
		return RESPLICE_CORE_BAD_TYPE;
	job->reply->type = request->type;
	total = sizeof(*request) + request->bytes;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		u32 count = *(u32 *)((void *)request + kinds[i].count);

		if (count > kinds[i].limit ||
		    (count && !(kinds[i].is_name ? allowed[request->type].names :
						   allowed[request->type].entries)))
			return RESPLICE_CORE_BAD_COUNT;
		if (kinds[i].is_name)
			names = total - request->bytes;
		total += (u64)count * kinds[i].size;
	}
	if (request->bytes && !allowed[request->type].entries)
		return RESPLICE_CORE_BAD_COUNT;
	if (request->size != size || total != size)
		return RESPLICE_CORE_BAD_SIZE;
	if (request->flags & ~allowed[request->type].flags ||
	    !request->attempts == allowed[request->type].attempts ||
	    request->attempts > RESPLICE_CORE_LIMIT_ATTEMPTS ||
	    request->backoff_us > (request->attempts ? RESPLICE_CORE_LIMIT_BACKOFF_US : 0))
		return RESPLICE_CORE_BAD_FIELD;
	if (allowed[request->type].named ? !is_update_name(request->name) :
	    !!memchr_inv(request->name, 0, sizeof(request->name)))
		return RESPLICE_CORE_BAD_NAME;
	return check_names(job, (void *)request + names);
}

/* Page by page: where a module's text is kept differs between kernels, but it has whole pages. */
static void find_text(struct update *update, unsigned long inside)
{
	update->text_start = inside & PAGE_MASK;
	update->text_end = update->text_start;
	while (core_text_module(update->text_start - PAGE_SIZE) == update->module)
		update->text_start -= PAGE_SIZE;
	while (core_text_module(update->text_end) == update->module)
		update->text_end += PAGE_SIZE;
}

void core_free_update(struct update *update)
{
	u32 i;

	for (i = 0; update->needed && i < update->request->names; i++)
		module_put(update->needed[i]);
	module_put(update->module);
	kvfree(update->needed);
	kvfree(update->changes);
	kvfree(update->objects);
	kvfree(update->addresses);
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
	update->modules = (void *)(update->names + request->names);
	update->symbols = (void *)(update->modules + request->objects);
	update->fixups = (void *)(update->symbols + request->symbols);
	update->bytes = (void *)(update->fixups + request->fixups);
	update->count = request->sites + request->data;
	update->changes = kvcalloc(update->count, sizeof(*update->changes), GFP_KERNEL);
	update->needed = kvcalloc(request->names, sizeof(*update->needed), GFP_KERNEL);
	update->objects = kvcalloc(request->objects, sizeof(*update->objects), GFP_KERNEL);
	update->addresses = kvcalloc(request->symbols, sizeof(*update->addresses), GFP_KERNEL);
	if (!update->changes || !update->needed || !update->objects || !update->addresses)
		return core_fail(job, -ENOMEM);
	update->module = core_hold_module(request->name);
	if (!update->module)
		return RESPLICE_CORE_NO_MODULE;
	if (is_livepatch_module(update->module))
		return RESPLICE_CORE_BAD_NAME;
	for (i = 0; i < request->names; i++) {
		update->needed[i] = core_hold_module(update->names[i].name);
		if (!update->needed[i])
			return core_refuse(job, RESPLICE_CORE_NO_MODULE, i);
	}
	if (request->sites || request->hooks)
		find_text(update, request->sites ? update->sites[0].new_start :
						   update->hooks[0].function);
	return RESPLICE_CORE_OK;
}

static const u8 *find_content(const struct update *update, const struct resplice_core_data *data)
{
	if (data->flags & RESPLICE_CORE_IN_UPDATE)
		return (const u8 *)(unsigned long)data->content;
	return update->bytes + data->content;
}

/* Sizes and new bytes of all changes, and where those are that belong to no object. */
static u32 set_up_changes(struct job *job, struct update *update)
{
	u32 sites = update->request->sites, i, code;

	for (i = 0; i < update->count; i++) {
		struct change *change = &update->changes[i];
		u32 object = i < sites ? update->sites[i].object : update->data[i - sites].object;

		if (object)
			change->object = &update->objects[object - 1];
		if (i < sites) {
			change->size = RESPLICE_CORE_JUMP_SIZE;
			change->old = change->overwritten;
			change->new = change->jump;
		} else {
			change->size = update->data[i - sites].size;
			change->old = find_content(update, &update->data[i - sites]);
			change->new = change->old + change->size;
		}
		code = object ? RESPLICE_CORE_OK : core_place_change(update, i);
		if (code)
			return core_refuse(job, code, i < sites ? i : i - sites);
		cond_resched();
	}
	return RESPLICE_CORE_OK;
}

u32 core_prepare(struct job *job)
{
	struct update *update;
	u32 code;

	if (!job->request->sites && !job->request->data && !job->request->hooks)
		return RESPLICE_CORE_BAD_COUNT;
	if (core_find(job->request->name))
		return RESPLICE_CORE_KNOWN;
	update = kzalloc(sizeof(*update), GFP_KERNEL);
	if (!update)
		return core_fail(job, -ENOMEM);
	code = set_up(job, update) ?: core_check_tables(job, update) ?:
	       set_up_changes(job, update);
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
