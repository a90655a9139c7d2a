// SPDX-License-Identifier: GPL-2.0-only
#include "session/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "receive/receive.h"
#include "session/closing.h"
#include "session/discovering.h"
#include "session/process_code.h"
#include "session/sampling.h"
#include "session/spending.h"

#define LIVE_STEP_NS (500 * NS_PER_MS)

struct session {
	const struct session_settings *settings;
	struct run_header header;
	struct processes processes;
	struct receiver *receiver;
	struct spending spending;
	struct telling *telling;
	struct discovering discovering;
	struct sampling sampling;
	int poll_fd, signal_fd;
	size_t pids_alive; /* of an attach */
	int *pid_fds;      /* one for each of settings->pids */
	bool ended;
	int interrupts;
	int command_status; /* as waitpid() gives it */
	bool command_ended;
	uint64_t live_at_ns;
};

/* ---- records ---- */

static void on_span(void *context, const struct mw_span *span)
{
	struct session *session = context;
	struct watchlist *watchlist = session->settings->watchlist;
	struct probe_costs costs = spending_costs(session->settings->tracer);
	struct flush flush;

	if (span->function >= watchlist->function_count)
		return;
	flush = flush_from_span(span, &watchlist->functions[span->function], &costs);
	telling_flush(session->telling, span->function, &flush);
}

static void on_copy(void *context, const struct mw_copy *record)
{
	struct session *session = context;
	struct watchlist *watchlist = session->settings->watchlist;
	struct large_copy copy;

	if (record->routine >= watchlist->routines.count)
		return;
	copy = large_copy_from_record(record, &watchlist->routines.items[record->routine]);
	telling_copy(session->telling, record->routine, &copy);
}

static void on_sample(void *context, const struct mw_sample *record)
{
	struct session *session = context;

	discovering_on_sample(&session->discovering, telling_sample(session->telling, record));
}

static void on_hot(void *context, const struct mw_hot *hot)
{
	discovering_on_hot(&((struct session *)context)->discovering, hot);
}

static void on_fork(void *context, const struct mw_fork *fork)
{
	processes_on_fork(&((struct session *)context)->processes, fork);
}

static void on_exec(void *context, const struct mw_exec *exec)
{
	discovering_on_process_end(&((struct session *)context)->discovering,
				   (pid_t)exec->head.pid);
	processes_on_exec(&((struct session *)context)->processes, exec);
}

static void on_exit_record(void *context, const struct mw_exit *exit)
{
	struct session *session = context;

	discovering_on_process_end(&session->discovering, (pid_t)exit->head.pid);
	telling_process_end(session->telling, (pid_t)exit->head.pid, exit->head.at_ns);
	processes_on_exit(&session->processes, exit);
}

static void on_loader(void *context, const struct mw_loader *loader)
{
	processes_on_loader(&((struct session *)context)->processes, loader);
}

static void on_spending(void *context, const struct mw_spending *spending)
{
	(void)spending;
	spending_on_hit(&((struct session *)context)->spending);
}

static void on_place(void *context, const struct mw_risen *risen)
{
	processes_on_place(&((struct session *)context)->processes, risen);
}

static const struct record_handlers handlers = {
	.span = on_span,
	.copy = on_copy,
	.sample = on_sample,
	.hot = on_hot,
	.place = on_place,
	.fork = on_fork,
	.exec = on_exec,
	.exit = on_exit_record,
	.loader = on_loader,
	.spending = on_spending,
};

static void on_child(void *context, const struct child_report *child)
{
	struct session *session = context;

	telling_child(session->telling, child);
	if (child->watched)
		spending_on_process(&session->spending);
}

/* The process runs this code from now on. */
static void on_code(void *context, pid_t pid, uint64_t since_ns, const struct process_plan *plan)
{
	const struct planned_mapping *planned;
	ARRAY(struct stack_mapping) mappings = {0};
	int err = 0;

	array_each (planned, &plan->mappings) {
		if (!err)
			err = array_push(&mappings, stack_mapping_of(planned));
	}
	telling_code(((struct session *)context)->telling, pid, since_ns, mappings.items,
		     mappings.count);
	array_release(&mappings);
}

static void renew_code(void *context, pid_t pid)
{
	processes_renew_code(&((struct session *)context)->processes, pid);
}

static void take_life_events(void *context)
{
	receiver_drain_life(((struct session *)context)->receiver);
}

/* ---- what wakes the loop ---- */

enum { WAKE_RECORDS, WAKE_LIFE, WAKE_SIGNAL, WAKE_PID };

static int wake_on(struct session *session, int fd, unsigned what, unsigned index)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)index << 32 | what};

	/* Between two looks at the ring, records that wait there are no reason to wake up. */
	if (what == WAKE_RECORDS)
		event.events |= EPOLLET;
	return epoll_ctl(session->poll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* nohup, or & in a script, had it ignored: then it is not for memwatch. */
static bool is_ignored(int number)
{
	struct sigaction action;

	return !sigaction(number, NULL, &action) && action.sa_handler == SIG_IGN;
}

static int watch_signals(struct session *session)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (!is_ignored(numbers[i]))
			sigaddset(&signals, numbers[i]);
	}
	if (sigprocmask(SIG_BLOCK, &signals, NULL))
		return -errno;
	session->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return session->signal_fd < 0 ? -errno
				      : wake_on(session, session->signal_fd, WAKE_SIGNAL, 0);
}

static void see_command(struct session *session)
{
	struct launch *launch = session->settings->launch;

	/* Not 0 is the command, or ECHILD: nobody can know its status any more. */
	if (launch && !session->command_ended &&
	    waitpid(launch->pid, &session->command_status, WNOHANG) != 0)
		session->command_ended = session->ended = true;
}

/*
 * What the terminal sends (Ctrl-C, a hangup) reaches a launched command by itself; what somebody
 * sends to memwatch alone does not.
 */
static void on_signal(struct session *session)
{
	struct launch *launch = session->settings->launch;
	struct signalfd_siginfo info;

	while (read(session->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			see_command(session);
			continue;
		}
		if (!launch || session->interrupts++) {
			session->ended = true;
			continue;
		}
		if (info.ssi_code != SI_KERNEL)
			kill(launch->pid, info.ssi_signo);
		log_note("waiting for the command to end; the same signal again leaves at once");
	}
}

static void on_pid_end(struct session *session, unsigned index)
{
	close(session->pid_fds[index]);
	session->pid_fds[index] = -1;
	processes_drop(&session->processes, session->settings->pids[index]);
	if (--session->pids_alive == 0)
		session->ended = true;
}

static int start_attach(struct session *session)
{
	const struct session_settings *settings = session->settings;
	int err = 0;

	session->pid_fds = calloc(settings->pid_count, sizeof(int));
	if (!session->pid_fds)
		return -ENOMEM;
	for (unsigned i = 0; !err && i < settings->pid_count; i++) {
		pid_t pid = settings->pids[i];

		session->pid_fds[i] = pidfd_open(pid, 0);
		if (session->pid_fds[i] < 0 && errno == ESRCH) {
			log_warning("process %d ended before it could be watched", pid);
			continue;
		}
		if (session->pid_fds[i] < 0) {
			log_error("process %d: %s", pid, strerror(errno));
			err = -ECANCELED;
			break;
		}
		err = wake_on(session, session->pid_fds[i], WAKE_PID, i);
		if (!err)
			err = tracer_follow_process(settings->tracer, pid);
		if (!err)
			err = processes_add(&session->processes, pid, EVENT_ATTACH,
					    clock_monotonic_ns());
		if (!err)
			sampling_add(&session->sampling, pid);
		session->pids_alive += !err;
	}
	return err;
}

static int start_launch(struct session *session)
{
	const struct session_settings *settings = session->settings;
	int err = tracer_follow_process(settings->tracer, settings->launch->pid);

	if (!err)
		err = processes_add(&session->processes, settings->launch->pid, EVENT_LAUNCH,
				    clock_monotonic_ns());
	if (!err)
		sampling_add(&session->sampling, settings->launch->pid);
	return err;
}

/* A static program is run on until its slots are filled. */
static void run_until_bound(struct session *session)
{
	struct launch *launch = session->settings->launch;
	int err = 0;

	for (int i = 0; i < LAUNCH_RUNS_MOST && !err; i++) {
		if (!processes_held_is_early(&session->processes, launch->pid))
			return;
		err = launch_run_on(launch);
	}
}

static int let_go(struct session *session)
{
	struct launch *launch = session->settings->launch;
	int err;

	processes_let_go(&session->processes, launch->pid);
	err = launch_release(launch);
	/* It was killed while it was held: that is the command's end, and is told as such. */
	return err == -ESRCH ? 0 : err;
}

static int start(struct session *session)
{
	const struct session_settings *settings = session->settings;
	struct tracer_outlets outlets = tracer_outlets(settings->tracer);
	int err;

	session->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (session->poll_fd < 0)
		return -errno;
	err = watch_signals(session);
	if (!err)
		err = receiver_new(outlets.ring_map_fd, outlets.life_ring_map_fd, outlets.reader,
				   &handlers, session, &session->receiver);
	if (!err)
		err = wake_on(session, receiver_poll_fd(session->receiver), WAKE_RECORDS, 0);
	if (!err)
		err = wake_on(session, receiver_life_poll_fd(session->receiver), WAKE_LIFE, 0);
	if (err)
		return err;
	session->header = *settings->header;
	session->header.start_ns = clock_monotonic_ns();
	session->header.start_unix_ns = clock_unix_ns();
	telling_header(session->telling, &session->header);
	err = settings->launch ? start_launch(session) : start_attach(session);
	if (err)
		return err;
	processes_work(&session->processes);
	if (settings->launch)
		run_until_bound(session);
	if (processes_hopeless(&session->processes)) {
		log_error("nothing could be watched");
		return -ECANCELED;
	}
	if (settings->launch)
		err = let_go(session);
	closing_warn_pending(settings->watchlist, &session->processes.modules);
	return err;
}

/* ---- the loop ---- */

/* When the ring is to be looked at again, whether or not anything wakes the loop; 0: then alone. */
static uint64_t next_look_ns(struct session *session)
{
	uint64_t pause_ns = receiver_pause_ns(session->receiver);

	return pause_ns == RECEIVE_ASLEEP ? 0 : clock_monotonic_ns() + pause_ns;
}

static uint64_t nearest(uint64_t a_ns, uint64_t b_ns)
{
	if (!a_ns || !b_ns)
		return a_ns ? a_ns : b_ns;
	return a_ns < b_ns ? a_ns : b_ns;
}

static int wait_ms(uint64_t until_ns)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (!until_ns)
		return -1;
	if (until_ns <= now_ns)
		return 0;
	/* At most an hour: poll's int must not overflow, and waking up once more does no harm. */
	if (until_ns - now_ns > 3600 * NS_PER_S)
		return 3600 * 1000;
	return (int)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static int wait_events(struct session *session, uint64_t until_ns)
{
	struct epoll_event events[16];
	int count = epoll_wait(session->poll_fd, events, 16, wait_ms(until_ns));

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	/* Records first: they say how a process ended before its pidfd says that it did. */
	receiver_drain(session->receiver);
	for (int i = 0; i < count; i++) {
		unsigned what = (uint32_t)events[i].data.u64;

		if (what == WAKE_SIGNAL)
			on_signal(session);
		else if (what == WAKE_PID)
			on_pid_end(session, events[i].data.u64 >> 32);
	}
	return 0;
}

static void show_live(struct session *session, uint64_t now_ns)
{
	if (!session->settings->outputs->live || now_ns < session->live_at_ns)
		return;
	session->live_at_ns = now_ns + LIVE_STEP_NS;
	closing_show_live(session->settings, session->telling, now_ns - session->header.start_ns);
}

static int loop(struct session *session)
{
	uint64_t duration_ns = session->settings->duration_ns;
	uint64_t end_ns = duration_ns ? clock_monotonic_ns() + duration_ns : 0;
	uint64_t due_ns = 0, now_ns;
	int err = 0;

	session->live_at_ns = clock_monotonic_ns() + LIVE_STEP_NS;
	see_command(session);
	while (!err && !session->ended) {
		due_ns = processes_work(&session->processes);
		due_ns = nearest(due_ns, spending_work(&session->spending));
		due_ns = nearest(due_ns, discovering_work(&session->discovering));
		due_ns = nearest(due_ns, sampling_work(&session->sampling));
		if (session->settings->outputs->live)
			due_ns = nearest(due_ns, session->live_at_ns);
		due_ns = nearest(due_ns, next_look_ns(session));
		telling_advance(session->telling, clock_monotonic_ns());
		err = wait_events(session, nearest(due_ns, end_ns));
		now_ns = clock_monotonic_ns();
		if (end_ns && now_ns >= end_ns)
			session->ended = true;
		/* Nobody reads what the target would pay for. */
		if (outputs_all_failed(session->settings->outputs))
			session->ended = true;
		show_live(session, now_ns);
	}
	return err;
}

/* ---- the end ---- */

/* --duration is over and the command still runs, or two signals ended the watch. */
static int wait_command(struct session *session)
{
	struct pollfd signals = {.fd = session->signal_fd, .events = POLLIN};

	while (!session->command_ended && session->interrupts < 2) {
		if (poll(&signals, 1, -1) > 0)
			on_signal(session);
	}
	if (!session->command_ended)
		return 128 + SIGINT;
	return WIFSIGNALED(session->command_status) ? 128 + WTERMSIG(session->command_status)
						    : WEXITSTATUS(session->command_status);
}

static void detach(struct session *session)
{
	struct tracer *tracer = session->settings->tracer;
	size_t parts;

	processes_release(&session->processes);
	parts = tracer_retiring(tracer, 0);
	/* 100 ms each: what a person would otherwise take for a hang. */
	if (tracer_link_kind(tracer) == LINKS_PLAIN && parts > 4)
		log_note("removing %zu probes; this kernel takes about %.1f s for them", parts,
			 (double)parts / 10);
	while (tracer_retiring(tracer, 1000))
		;
}

static void session_free(struct session *session)
{
	for (size_t i = 0; session->pid_fds && i < session->settings->pid_count; i++) {
		if (session->pid_fds[i] > 0)
			close(session->pid_fds[i]);
	}
	free(session->pid_fds);
	receiver_free(session->receiver);
	discovering_release(&session->discovering);
	telling_free(session->telling);
	spending_release(&session->spending);
	if (session->signal_fd >= 0)
		close(session->signal_fd);
	if (session->poll_fd >= 0)
		close(session->poll_fd);
}

int session_run(const struct session_settings *settings)
{
	struct session session = {.settings = settings, .poll_fd = -1, .signal_fd = -1};
	struct telling_settings telling = {
		.outputs = settings->outputs,
		.recording = settings->recording,
		.watchlist = settings->watchlist,
		.sample_period_ns = settings->sample_period_ns,
		.quiet_ns = settings->quiet_ns,
		.min_time_ns = settings->header->min_time_ns,
		.renew_code = renew_code,
		.context = &session,
	};
	struct discovering_settings discovering = {
		.is_on = settings->discovers && settings->sample_period_ns,
		.tracer = settings->tracer,
		.processes = &session.processes,
		.watchlist = settings->watchlist,
		.spending = &session.spending,
		.quiet_ns = settings->quiet_ns,
	};
	int err, status = 0;

	session.processes = (struct processes){
		.tracer = settings->tracer,
		.watchlist = settings->watchlist,
		.gates = settings->gates,
		.on_child = on_child,
		.on_code = on_code,
		.take_life_events = take_life_events,
		.context = &session,
	};
	session.telling = telling_new(&telling);
	discovering.telling = session.telling;
	spending_init(&session.spending, settings, &session.processes, session.telling,
		      clock_monotonic_ns());
	discovering_init(&session.discovering, &discovering);
	sampling_init(&session.sampling, settings, &session.processes);
	err = session.telling ? start(&session) : -ENOMEM;
	if (err && settings->launch)
		launch_abandon(settings->launch);
	if (!err)
		err = loop(&session);
	discovering_close(&session.discovering);
	if (err && err != -ECANCELED)
		log_error("the watch ended early: %s", strerror(-err));
	else if (!err &&
		 closing_report(settings, &session.processes, session.receiver, session.telling,
				&session.spending, &session.sampling, session.header.start_ns))
		status = 1;
	detach(&session);
	if (!err && settings->launch) {
		int command_status = wait_command(&session);

		status = command_status ? command_status : status;
	}
	session_free(&session);
	return err ? 1 : status;
}
