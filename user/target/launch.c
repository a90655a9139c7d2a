// SPDX-License-Identifier: GPL-2.0-only
#include "target/launch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "target/hold.h"
#include "target/inherited.h"
#include "target/process.h"

static int check_executable(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return -errno;
	if (!S_ISREG(status.st_mode) || access(path, X_OK))
		return -EACCES;
	return 0;
}

/* An empty folder is the current one. */
static int check_in_folder(const char *folder, int folder_bytes, const char *name, char *path,
			   size_t path_bytes)
{
	const char *between = folder_bytes ? "/" : "";
	int length = snprintf(path, path_bytes, "%.*s%s%s", folder_bytes, folder, between, name);

	return (size_t)length < path_bytes ? check_executable(path) : -ENAMETOOLONG;
}

/* As execvp() looks for it, so that the header can name what really runs. */
static int find_command(const char *name, char *path, size_t path_bytes)
{
	const char *folders = getenv("PATH"), *end;
	int err = -ENOENT, tried;

	if (strchr(name, '/'))
		return check_in_folder("", 0, name, path, path_bytes);
	for (; folders && *name; folders = *end ? end + 1 : NULL) {
		end = strchrnul(folders, ':');
		tried = check_in_folder(folders, end - folders, name, path, path_bytes);
		if (!tried)
			return 0;
		if (tried == -EACCES)
			err = -EACCES;
	}
	return err;
}

static void explain_no_command(const char *name, int err)
{
	if (err == -ENOENT && !strchr(name, '/'))
		log_error("no command '%s' in PATH (%s); sudo may have replaced your PATH: "
			  "name the command by its full path",
			  name, getenv("PATH") ? getenv("PATH") : "not set");
	else if (err == -EACCES)
		log_error("'%s' is not an executable file; check its name and its permissions",
			  name);
	else
		log_error("can't run '%s': %s", name, strerror(-err));
}

struct launch_pipes {
	int go[2];     /* parent to child: exec now */
	int failed[2]; /* child to parent: the errno of exec; closed by a successful one */
};

static void run_child(const char *path, char *const argv[], const struct identity *identity,
		      const struct launch_pipes *pipes)
{
	extern char **environ;
	char go;
	int err;

	close(pipes->go[1]);
	if (read(pipes->go[0], &go, 1) != 1)
		_exit(127);
	inherited_give_back();
	/* It would get past identity_assume(). EINVAL: this kernel has none. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	err = identity_assume(identity);
	if (!err) {
		execve(path, argv, environ);
		err = -errno;
	}
	if (write(pipes->failed[1], &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

static int wait_exec(pid_t pid, const struct launch_pipes *pipes)
{
	int status, exec_err, err;

	for (;;) {
		err = hold_wait(pid, &status);
		if (err == -ECHILD &&
		    read(pipes->failed[0], &exec_err, sizeof(exec_err)) == sizeof(exec_err))
			return exec_err;
		if (err || status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
			return err;
		/* status >> 16: a ptrace event, no signal to pass on. */
		if (ptrace(PTRACE_CONT, pid, 0, status >> 16 ? 0 : WSTOPSIG(status)))
			return -errno;
	}
}

/* The file itself was found, and is executable. */
static void explain_exec(const char *path, int err)
{
	const char *why = strerror(-err);

	if (err == -ENOEXEC)
		why = "it is neither a program nor a script that begins with #! and its "
		      "interpreter";
	else if (err == -ENOENT)
		why = "the interpreter that it names (after #!, or its ELF loader) does not exist";
	log_error("can't run '%s': %s", path, why);
}

static int hold_child(struct launch *launch, const struct launch_pipes *pipes)
{
	int err;

	if (ptrace(PTRACE_SEIZE, launch->pid, 0, HOLD_OPTIONS)) {
		err = -errno;
		log_error("can't hold '%s' at its entry point: %s; another tracer (strace -f, "
			  "gdb) may have it, or ptrace is forbidden here",
			  launch->path, strerror(-err));
		return err;
	}
	if (write(pipes->go[1], "", 1) != 1)
		return -errno;
	err = wait_exec(launch->pid, pipes);
	if (err) {
		explain_exec(launch->path, err);
		return err;
	}
	err = hold_at_entry(launch->pid);
	if (err == -ENOTSUP)
		log_error("'%s' %s", launch->path, process_kind_text(PROCESS_32BIT));
	else if (err == -ECHILD)
		log_error("'%s' ended before its own code ran; does it run without memwatch?",
			  launch->path);
	else if (err)
		log_error("can't hold '%s' at its entry point: %s", launch->path, strerror(-err));
	return err;
}

static void close_pipe(int ends[2])
{
	if (ends[0] >= 0)
		close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
}

int launch_hold(char *const argv[], const struct identity *identity, struct launch *launch)
{
	struct launch_pipes pipes = {{-1, -1}, {-1, -1}};
	int err;

	launch->pid = -1;
	err = find_command(argv[0], launch->path, sizeof(launch->path));
	if (err) {
		explain_no_command(argv[0], err);
		return err;
	}
	if (pipe2(pipes.go, O_CLOEXEC) || pipe2(pipes.failed, O_CLOEXEC)) {
		err = -errno;
		goto out;
	}
	launch->pid = fork();
	if (launch->pid < 0) {
		err = -errno;
		goto out;
	}
	if (launch->pid == 0)
		run_child(launch->path, argv, identity, &pipes);
	close(pipes.failed[1]);
	pipes.failed[1] = -1;
	err = hold_child(launch, &pipes);
out:
	close_pipe(pipes.go);
	close_pipe(pipes.failed);
	if (err)
		launch_abandon(launch);
	return err;
}

char *launch_command_line(const struct launch *launch, char *const argv[])
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	fputs(launch->path, out);
	for (argv++; *argv; argv++)
		fprintf(out, " %s", *argv);
	fclose(out);
	return text;
}

int launch_run_on(struct launch *launch)
{
	uint64_t base_addr;
	int err = process_auxv(launch->pid, AT_BASE, &base_addr);

	if (err)
		return err;
	return base_addr ? -ENOTSUP : hold_at_next_syscall(launch->pid);
}

int launch_release(struct launch *launch)
{
	return ptrace(PTRACE_DETACH, launch->pid, 0, 0) ? -errno : 0;
}

void launch_abandon(struct launch *launch)
{
	if (launch->pid <= 0)
		return;
	kill(launch->pid, SIGKILL);
	while (waitpid(launch->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	launch->pid = -1;
}
