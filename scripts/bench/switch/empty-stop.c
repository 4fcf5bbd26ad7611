// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a stop of all CPUs costs when nothing is done in it: each read of
 * /sys/module/empty_stop/parameters/nanoseconds makes one and gives its length,
 * measured as the core of the trampoline engine measures its own (stop_ns).
 */
#include <linux/cpu.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/stop_machine.h>

static int nothing(void *data)
{
	return 0;
}

static int get(char *buffer, const struct kernel_param *parameter)
{
	u64 start = ktime_get_ns();
	int err = stop_machine(nothing, NULL, cpu_online_mask);

	return err ?: sysfs_emit(buffer, "%llu\n", ktime_get_ns() - start);
}

static const struct kernel_param_ops operations = { .get = get };

module_param_cb(nanoseconds, &operations, NULL, 0400);
MODULE_DESCRIPTION("stops all CPUs and does nothing");
MODULE_LICENSE("GPL");
