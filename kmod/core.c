// SPDX-License-Identifier: GPL-2.0-only
/*
 * resplice_core.ko: replaces functions of the running kernel by jumps, for
 * kernels and functions that the livepatch core does not reach. It decides
 * nothing but whether it is safe: what is replaced by what is found out and
 * linked in user space. core-abi.h says how it is talked to, core-switch.c how
 * it is done, core-stack.c how threads are judged, core-request.c what is refused.
 *
 * This file is the device and the order of operations: one at a time.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "core.h"

LIST_HEAD(core_updates);
/* STATUS reads the list while an operation changes it. */
DEFINE_MUTEX(core_updates_lock);

/* Held from the beginning of an operation to the end of its thread, which no mutex could be. */
struct semaphore core_operation;

struct update *core_find(const char *name)
{
	struct update *update;

	list_for_each_entry(update, &core_updates, list)
		if (!strcmp(update->request->name, name))
			return update;
	return NULL;
}

u32 core_refuse(struct job *job, u32 code, u32 item)
{
	job->reply->item = item;
	return code;
}

u32 core_fail(struct job *job, int err)
{
	job->reply->error = err;
	return RESPLICE_CORE_FAILED;
}

static void free_job(struct kref *kref)
{
	struct job *job = container_of(kref, struct job, kref);

	if (job->thread)
		put_task_struct(job->thread);
	kvfree(job->request);
	kvfree(job->reply);
	kfree(job);
}

static void finish(struct job *job, u32 code)
{
	job->reply->code = code;
	job->reply->attempts = job->attempts;
	/* Pairs with core_read() and core_release(): the reply is whole. */
	smp_store_release(&job->over, true);
}

static int run_job(void *data)
{
	struct job *job = data;

	finish(job, core_switch(job));
	core_watch_end();
	up(&core_operation);
	kref_put(&job->kref, free_job);
	module_put_and_kthread_exit(0);
}

/* Takes over the operation. */
static u32 start_job(struct job *job)
{
	struct task_struct *thread = kthread_create(run_job, job, "resplice");

	if (IS_ERR(thread)) {
		up(&core_operation);
		return core_fail(job, PTR_ERR(thread));
	}
	job->thread = get_task_struct(thread);
	kref_get(&job->kref);
	__module_get(THIS_MODULE);
	wake_up_process(thread);
	return RESPLICE_CORE_RUNNING;
}

static u32 count_waiting(const struct update *update)
{
	u32 count = 0, i;

	for (i = 0; i < update->request->objects; i++)
		count += core_is_patched(update, i) && !update->objects[i].module;
	return count;
}

static u32 list_updates(struct job *job)
{
	struct resplice_core_reply *reply;
	struct resplice_core_update *entry;
	struct update *update;
	u32 count = 0;

	mutex_lock(&core_updates_lock);
	list_for_each_entry(update, &core_updates, list)
		count++;
	reply = kvzalloc(struct_size(reply, list, count), GFP_KERNEL);
	if (!reply) {
		mutex_unlock(&core_updates_lock);
		return core_fail(job, -ENOMEM);
	}
	*reply = *job->reply;
	reply->updates = count;
	reply->size = struct_size(reply, list, count);
	entry = reply->list;
	list_for_each_entry(update, &core_updates, list) {
		memcpy(entry->name, update->request->name, sizeof(entry->name));
		entry->state = update->state;
		entry->sites = update->request->sites;
		entry->data = update->request->data;
		entry->waiting = count_waiting(update);
		entry++;
	}
	mutex_unlock(&core_updates_lock);
	kvfree(job->reply);
	job->reply = reply;
	return RESPLICE_CORE_OK;
}

static int perform(struct job *job, size_t size)
{
	u32 code = core_read_request(job, size);

	if (!code && job->request->type == RESPLICE_CORE_STATUS) {
		code = list_updates(job);
	} else if (!code) {
		if (down_killable(&core_operation))
			return -EINTR;
		if (job->request->type == RESPLICE_CORE_PREPARE) {
			code = core_prepare(job);
			up(&core_operation);
		} else {
			code = start_job(job);
		}
	}
	if (code != RESPLICE_CORE_RUNNING)
		finish(job, code);
	return 0;
}

static bool may_use(void)
{
	return capable(CAP_SYS_ADMIN) && capable(CAP_SYS_MODULE);
}

static int core_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;
	return may_use() ? 0 : -EPERM;
}

static struct job *new_job(const char __user *data, size_t size)
{
	struct job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return ERR_PTR(-ENOMEM);
	kref_init(&job->kref);
	job->request = kvzalloc(max(size, sizeof(*job->request)), GFP_KERNEL);
	job->reply = kvzalloc(sizeof(*job->reply), GFP_KERNEL);
	if (!job->request || !job->reply) {
		kref_put(&job->kref, free_job);
		return ERR_PTR(-ENOMEM);
	}
	if (copy_from_user(job->request, data, size)) {
		kref_put(&job->kref, free_job);
		return ERR_PTR(-EFAULT);
	}
	job->reply->magic = RESPLICE_CORE_MAGIC;
	job->reply->abi = RESPLICE_CORE_ABI;
	job->reply->size = sizeof(*job->reply);
	job->reply->item = RESPLICE_CORE_NO_ITEM;
	return job;
}

static ssize_t core_write(struct file *file, const char __user *data, size_t size, loff_t *offset)
{
	struct job *job;
	int err;

	if (!may_use())
		return -EPERM;
	if (size > RESPLICE_CORE_LIMIT_BYTES)
		return -EMSGSIZE;
	job = new_job(data, size);
	if (IS_ERR(job))
		return PTR_ERR(job);
	/* A file has one request, whoever shares it. */
	if (cmpxchg(&file->private_data, NULL, job)) {
		kref_put(&job->kref, free_job);
		return -EBUSY;
	}
	err = perform(job, size);
	if (err)
		finish(job, RESPLICE_CORE_FAILED);
	return err ?: size;
}

static ssize_t core_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	struct job *job = READ_ONCE(file->private_data);
	struct resplice_core_reply running = {
		.magic = RESPLICE_CORE_MAGIC,
		.abi = RESPLICE_CORE_ABI,
		.size = sizeof(running),
		.code = RESPLICE_CORE_RUNNING,
		.item = RESPLICE_CORE_NO_ITEM,
	};

	if (!job)
		return -ENODATA;
	/* Pairs with finish(). */
	if (smp_load_acquire(&job->over))
		return simple_read_from_buffer(to, size, offset, job->reply, job->reply->size);
	running.attempts = READ_ONCE(job->attempts);
	return simple_read_from_buffer(to, size, offset, &running, sizeof(running));
}

/* When the reply is there the thread ends soon; after this it holds nothing any more. */
static int core_release(struct inode *inode, struct file *file)
{
	struct job *job = file->private_data;

	if (!job)
		return 0;
	/* Pairs with finish(). */
	if (job->thread && smp_load_acquire(&job->over))
		kthread_stop(job->thread);
	kref_put(&job->kref, free_job);
	return 0;
}

static const struct file_operations core_operations = {
	.owner = THIS_MODULE,
	.open = core_open,
	.read = core_read,
	.write = core_write,
	.release = core_release,
	.llseek = noop_llseek,
};

static struct miscdevice core_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = RESPLICE_CORE_DEVICE,
	.fops = &core_operations,
	.mode = 0600,
};

static int __init core_init(void)
{
	int err;

	sema_init(&core_operation, 1);
	err = core_catch_traps();
	if (err)
		return err;
	err = core_watch_modules();
	if (err)
		goto release;
	err = misc_register(&core_device);
	if (err)
		goto ignore;
	return 0;

ignore:
	core_ignore_modules();
release:
	core_release_traps();
	return err;
}

static void __exit core_exit(void)
{
	misc_deregister(&core_device);
	core_ignore_modules();
	core_release_traps();
}

module_init(core_init);
module_exit(core_exit);
MODULE_DESCRIPTION("switches the running kernel over to the functions of an update");
MODULE_LICENSE("GPL");
