/*
 * Landlock: "Creating whiteout objects is now guarded by LANDLOCK_ACCESS_FS_MAKE_REG" in 6.12.111: hook_path_mknod() and others in
 * security/landlock/fs.c (vmlinux); erratum 4 of Landlock.
 *
 * Before, a program that may make no regular files can still make a whiteout, which hides a file of a lower layer of an overlay: it counted as
 * a character device, though anybody may make one. Runs unprivileged, in a sandbox of its own; a regular file is tried first.
 */
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "verdict.h"

#define WHITEOUT "/tmp/resplice-whiteout"

int main(void)
{
	struct landlock_ruleset_attr rules = { .handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_REG };
	int ruleset = syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);

	REQUIRE(ruleset >= 0);
	REQUIRE(mknod(WHITEOUT, S_IFCHR, 0) == 0 && unlink(WHITEOUT) == 0);
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	REQUIRE(syscall(SYS_landlock_restrict_self, ruleset, 0) == 0);
	if (open(WHITEOUT, O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0) {
		unlink(WHITEOUT);
		conclude(CANNOT_TELL, "the sandbox lets a regular file be made");
	}

	if (mknod(WHITEOUT, S_IFCHR, 0) == 0) {
		unlink(WHITEOUT);
		conclude(EXPOSED, "a sandbox without the right to make files lets a whiteout be made");
	}
	if (errno == EACCES)
		conclude(SAFE, "a sandbox without the right to make files refuses a whiteout: EACCES");
	conclude(CANNOT_TELL, "a whiteout in a sandbox: %s", strerror(errno));
}
