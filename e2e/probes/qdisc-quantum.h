/*
 * "net/sched: bound the quantum" in 6.12.111: a qdisc on a device with a tiny MTU took that for its quantum, and then spent its time giving
 * out credit in steps too small to send anything. Since then it is at least 256 bytes. Before including this, define KIND and QUANTUM:
 * the option that holds the quantum, or 0 when the options begin with it.
 */
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verdict.h"

enum { TINY_MTU = 68, LEAST = 256, LOOPBACK = 1 };

struct request {
	struct nlmsghdr head;
	struct tcmsg qdisc;
	char attributes[64];
};

static void prepare(struct request *request, int type, int flags)
{
	struct rtattr *kind;

	memset(request, 0, sizeof(*request));
	request->head.nlmsg_type = type;
	request->head.nlmsg_flags = NLM_F_REQUEST | flags;
	request->qdisc.tcm_ifindex = LOOPBACK;
	request->qdisc.tcm_parent = TC_H_ROOT;
	request->head.nlmsg_len = NLMSG_LENGTH(sizeof(request->qdisc));
	if (type != RTM_NEWQDISC)
		return;
	kind = (struct rtattr *)request->attributes;
	kind->rta_type = TCA_KIND;
	kind->rta_len = RTA_LENGTH(sizeof(KIND));
	memcpy(RTA_DATA(kind), KIND, sizeof(KIND));
	request->head.nlmsg_len += RTA_ALIGN(kind->rta_len);
}

/* 0, or a negative errno. */
static int ask(int netlink, struct request *request, char *answer, size_t size)
{
	struct nlmsghdr *head = (struct nlmsghdr *)answer;
	ssize_t length;

	REQUIRE(send(netlink, request, request->head.nlmsg_len, 0) == (ssize_t)request->head.nlmsg_len);
	length = recv(netlink, answer, size, 0);
	REQUIRE(length >= (ssize_t)NLMSG_HDRLEN);
	return head->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(head))->error : 0;
}

static void set_mtu(int mtu)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_mtu = mtu };
	int any = socket(AF_INET, SOCK_DGRAM, 0);

	REQUIRE(any >= 0 && ioctl(any, SIOCSIFMTU, &request) == 0);
	close(any);
}

static struct rtattr *find(struct rtattr *attribute, int length, int type)
{
	for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length))
		if ((attribute->rta_type & NLA_TYPE_MASK) == type)
			return attribute;
	return NULL;
}

static unsigned int read_quantum(char *answer)
{
	struct nlmsghdr *head = (struct nlmsghdr *)answer;
	struct tcmsg *qdisc = NLMSG_DATA(head);
	struct rtattr *options = find(TCA_RTA(qdisc), TCA_PAYLOAD(head), TCA_OPTIONS);

	REQUIRE(options);
	if (QUANTUM != 0) {
		options = find(RTA_DATA(options), RTA_PAYLOAD(options), QUANTUM);
		REQUIRE(options);
	}
	return *(unsigned int *)RTA_DATA(options);
}

int main(void)
{
	int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), made;
	struct timeval patience = { .tv_sec = 10 };
	char answer[8192];
	struct request request;
	unsigned int quantum;

	REQUIRE(netlink >= 0);
	REQUIRE(setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
	set_mtu(TINY_MTU);
	prepare(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
	made = ask(netlink, &request, answer, sizeof(answer));
	if (made != 0) {
		set_mtu(65536);
		conclude(CANNOT_TELL, "a qdisc of kind " KIND " cannot be made: %s", strerror(-made));
	}
	/* Without NLM_F_ECHO the answer goes to listeners only. */
	prepare(&request, RTM_GETQDISC, NLM_F_ECHO);
	made = ask(netlink, &request, answer, sizeof(answer));
	quantum = made == 0 ? read_quantum(answer) : 0;
	prepare(&request, RTM_DELQDISC, NLM_F_ACK);
	ask(netlink, &request, answer, sizeof(answer));
	set_mtu(65536);
	if (made != 0)
		conclude(CANNOT_TELL, "a qdisc of kind " KIND " cannot be read: %s", strerror(-made));
	conclude(quantum < LEAST ? EXPOSED : SAFE, KIND " on a device with an MTU of %d has a quantum of %u",
		 TINY_MTU, quantum);
}
