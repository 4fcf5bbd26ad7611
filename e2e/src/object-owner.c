/*
 * Makes, keeps and asks for objects of the kernel that updates change, so that tests have some from before an update.
 *
 *   object-owner keep FILE    writes its pid and those of four children to FILE and stays. Its timer slack is five seconds, descriptor
 *                             100 an eventfd, 101 to 104 epoll instances that watch it, the last one also watches the first. SIGUSR1 writes to
 *                             the eventfd, SIGUSR2 closes the next epoll instance. Two children are dead, two alive, and of each the
 *                             first can be dumped and the second cannot.
 *   object-owner epoll        makes two epoll instances, one in the other, and closes them
 *   object-owner eventfd      makes an eventfd, writes to it and closes it
 *   object-owner slack NS     asks for a timer slack and prints what it got
 *   object-owner pipe SIZE    prints what F_SETPIPE_SZ answers
 *   object-owner queue [ID]   makes a message queue and prints its id, or prints how many bytes that one holds
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTFD = 100, FIRST_EPOLL, LAST_EPOLL = FIRST_EPOLL + 3 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void write_event(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		die("write");
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("epoll_ctl");
}

static pid_t leave_child(int dumpable, int alive)
{
	pid_t child = fork();
	siginfo_t info;

	if (child == 0) {
		/* Only the owner keeps them open. */
		for (int fd = EVENTFD; fd <= LAST_EPOLL; fd++)
			close(fd);
		prctl(PR_SET_DUMPABLE, dumpable);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (alive)
			pause();
		_exit(7);
	}
	if (child < 0 || (!alive && waitid(P_PID, child, &info, WEXITED | WNOWAIT) != 0))
		die("fork");
	return child;
}

static __attribute__((noreturn)) void keep(const char *file)
{
	int next = FIRST_EPOLL;
	pid_t children[4];
	sigset_t signals;
	FILE *out;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	prctl(PR_SET_TIMERSLACK, 5000000000UL);
	if (dup2(eventfd(0, 0), EVENTFD) < 0)
		die("eventfd");
	for (int fd = FIRST_EPOLL; fd <= LAST_EPOLL; fd++) {
		if (dup2(epoll_create1(0), fd) < 0)
			die("epoll_create");
		watch(fd, EVENTFD);
	}
	/* The copies that dup2() was given would keep them open. */
	for (int fd = 3; fd < EVENTFD; fd++)
		close(fd);
	watch(LAST_EPOLL, FIRST_EPOLL);
	for (int i = 0; i < 4; i++)
		children[i] = leave_child(i % 2 == 0, i >= 2);
	out = fopen(file, "w");
	if (!out || fprintf(out, "%d %d %d %d %d\n", getpid(), children[0], children[1], children[2],
			    children[3]) < 0 || fclose(out) != 0)
		die(file);
	for (;;) {
		int number;

		sigwait(&signals, &number);
		if (number == SIGUSR1)
			write_event(EVENTFD);
		else
			close(next++);
	}
}

static int make_epolls(void)
{
	int outer = epoll_create1(0), inner = epoll_create1(0), event = eventfd(0, 0);

	watch(inner, event);
	watch(outer, inner);
	return close(inner) || close(outer);
}

static int make_eventfd(void)
{
	int event = eventfd(0, 0);

	write_event(event);
	return close(event);
}

static int ask_slack(const char *nanoseconds)
{
	prctl(PR_SET_TIMERSLACK, strtoul(nanoseconds, NULL, 10));
	printf("%d\n", prctl(PR_GET_TIMERSLACK));
	return 0;
}

static int ask_pipe(const char *size)
{
	int ends[2], got;

	if (pipe(ends) != 0)
		die("pipe");
	got = fcntl(ends[0], F_SETPIPE_SZ, atoi(size));
	if (got < 0)
		puts(strerror(errno));
	else
		printf("%d\n", got);
	return 0;
}

static int ask_queue(const char *id)
{
	struct msqid_ds state;

	if (!id)
		return printf("%d\n", msgget(IPC_PRIVATE, 0600)) < 0;
	if (msgctl(atoi(id), IPC_STAT, &state) != 0)
		die("msgctl");
	printf("%lu\n", (unsigned long)state.msg_qbytes);
	return 0;
}

int main(int count, char **words)
{
	const char *what = count > 1 ? words[1] : "", *argument = count > 2 ? words[2] : NULL;

	if (strcmp(what, "keep") == 0 && argument)
		keep(argument);
	if (strcmp(what, "epoll") == 0)
		return make_epolls();
	if (strcmp(what, "eventfd") == 0)
		return make_eventfd();
	if (strcmp(what, "slack") == 0 && argument)
		return ask_slack(argument);
	if (strcmp(what, "pipe") == 0 && argument)
		return ask_pipe(argument);
	if (strcmp(what, "queue") == 0)
		return ask_queue(argument);
	return 2;
}
