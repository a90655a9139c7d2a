// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/identity.h"

#define NOONE 65534

/* What SUDO_UID gives; NULL: it is not set. The identity held something else before. */
static int identity_by(const char *sudo_uid, struct identity *identity)
{
	memset(identity, 0xee, sizeof(*identity));
	if (sudo_uid)
		setenv("SUDO_UID", sudo_uid, 1);
	else
		unsetenv("SUDO_UID");
	return identity_of_caller(identity);
}

static void without_sudo_nobody_differs(void **state)
{
	struct identity identity;

	(void)state;
	assert_int_equal(identity_by(NULL, &identity), 0);
	assert_false(identity.differs);
	/* root called sudo */
	assert_int_equal(identity_by("0", &identity), 0);
	assert_false(identity.differs);
	assert_int_equal(identity_assume(&identity), 0);
}

static void others_than_root_stay_who_they_are(void **state)
{
	static const char *const texts[] = {"0", "65534", "", "nonsense"};
	bool is_root = geteuid() == 0;
	struct identity identity;

	(void)state;
	if (is_root)
		assert_int_equal(seteuid(NOONE), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(identity_by(texts[i], &identity), 0);
		assert_false(identity.differs);
	}
	if (is_root)
		assert_int_equal(seteuid(0), 0);
}

static void what_names_no_user(void **state)
{
	static const char *const texts[] = {"",           "nonsense",   "12x",
					    "0x0",        "-1",         "-4294967296",
					    "4294967295", "4294967296", "99999999999999999999999",
					    "3999999999"};
	struct identity identity;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_null(getpwuid(3999999999));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(identity_by(texts[i], &identity), -ENOENT);
		assert_false(identity.differs);
	}
}

static const struct passwd *nobody(void)
{
	const struct passwd *user = getpwnam("nobody");

	if (geteuid() != 0 || !user)
		skip();
	return user;
}

static void identity_of_nobody(struct identity *identity)
{
	char uid[16];

	snprintf(uid, sizeof(uid), "%u", nobody()->pw_uid);
	assert_int_equal(identity_by(uid, identity), 0);
}

static void a_user_by_number(void **state)
{
	struct identity identity;
	const struct passwd *user;

	(void)state;
	identity_of_nobody(&identity);
	user = nobody();
	assert_true(identity.differs);
	assert_int_equal(identity.uid, user->pw_uid);
	assert_int_equal(identity.gid, user->pw_gid);
	assert_string_equal(identity.name, "nobody");
	assert_string_equal(identity.home, user->pw_dir);
	assert_string_equal(identity.shell, user->pw_shell);
}

static bool variable_is(const char *name, const char *value)
{
	const char *held = getenv(name);

	return held && value ? !strcmp(held, value) : held == value;
}

/* What is wrong in a child that became `identity`; "" where nothing is. */
static const char *assume(const struct identity *identity)
{
	uid_t uid[3];
	gid_t gid[3], groups[64];
	int count;

	if (identity_assume(identity))
		return "it failed";
	if (getresuid(&uid[0], &uid[1], &uid[2]) || getresgid(&gid[0], &gid[1], &gid[2]))
		return "ids can't be read";
	for (size_t i = 0; i < 3; i++) {
		if (uid[i] != identity->uid || gid[i] != identity->gid)
			return "an id was kept";
	}
	count = getgroups(64, groups);
	for (int i = 0; i < count; i++) {
		if (groups[i] == 0)
			return "root's group was kept";
	}
	if (!setuid(0) || !setgid(0))
		return "root can be had back";
	if (!variable_is("HOME", identity->home) || !variable_is("USER", identity->name) ||
	    !variable_is("LOGNAME", identity->name) || !variable_is("SHELL", identity->shell))
		return "HOME, USER, LOGNAME or SHELL is another's";
	if (!variable_is("SUDO_UID", NULL) || !variable_is("SUDO_GID", NULL) ||
	    !variable_is("SUDO_USER", NULL) || !variable_is("SUDO_COMMAND", NULL) ||
	    !variable_is("SUDO_HOME", NULL))
		return "sudo's variables were kept";
	return variable_is("MEMWATCH_OWN", "kept") ? "" : "another variable was lost";
}

static void a_child_becomes_the_user_for_good(void **state)
{
	static const gid_t root_group = 0;
	struct identity identity;
	char wrong[128] = "";
	int ends[2], status;
	pid_t child;

	(void)state;
	identity_of_nobody(&identity);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (!child) {
		const char *text;

		setenv("SUDO_GID", "1", 1);
		setenv("SUDO_USER", "nobody", 1);
		setenv("SUDO_COMMAND", "x", 1);
		setenv("SUDO_HOME", "/x", 1);
		setenv("MEMWATCH_OWN", "kept", 1);
		text = setgroups(1, &root_group) ? "no setgroups" : assume(&identity);
		_exit(write(ends[1], text, strlen(text)) != (ssize_t)strlen(text));
	}
	close(ends[1]);
	assert_true(read(ends[0], wrong, sizeof(wrong) - 1) >= 0);
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_string_equal(wrong, "");
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_sudo_nobody_differs),
		cmocka_unit_test(others_than_root_stay_who_they_are),
		cmocka_unit_test(what_names_no_user),
		cmocka_unit_test(a_user_by_number),
		cmocka_unit_test(a_child_becomes_the_user_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
