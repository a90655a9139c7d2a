// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/maps.h"

#define PAGE 4096

static struct target_maps own_maps(void)
{
	struct target_maps maps;

	assert_int_equal(target_maps_read(getpid(), &maps), 0);
	assert_true(maps.mappings.count > 3);
	return maps;
}

/* A function of this program, and where the kernel should say that it lies. */
static void own_code_is_found_and_inverted(void **state)
{
	uint64_t addr = (uintptr_t)own_maps, file_off, back;
	struct target_maps maps = own_maps();
	const struct target_mapping *mapping = target_maps_at(&maps, addr);
	char path[PAGE] = "";

	(void)state;
	assert_non_null(mapping);
	assert_true(mapping->start_addr <= addr && addr < mapping->end_addr);
	assert_true(mapping->executable);
	assert_int_not_equal(mapping->inode, 0);
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	assert_string_equal(mapping->path, path);
	file_off = addr - mapping->start_addr + mapping->file_off;
	assert_true(target_maps_addr(&maps, mapping->device, mapping->inode, file_off, &back));
	assert_int_equal(back, addr);
	assert_null(target_maps_at(&maps, 0));
	target_maps_release(&maps);
	assert_int_equal(maps.mappings.count, 0);
}

static void they_come_in_order(void **state)
{
	struct target_maps maps = own_maps();
	const struct target_mapping *mapping;
	uint64_t end_addr = 0;

	(void)state;
	array_each (mapping, &maps.mappings) {
		assert_true(mapping->start_addr >= end_addr);
		assert_true(mapping->end_addr > mapping->start_addr);
		assert_non_null(mapping->path);
		end_addr = mapping->end_addr;
	}
	target_maps_release(&maps);
}

/* Opens the file of a mapping; false without the capability that /proc/PID/map_files asks for. */
static bool open_mapping(const struct target_mapping *mapping, struct stat *status)
{
	int fd = target_mapping_open(getpid(), mapping);

	if (fd == -EPERM && geteuid() != 0)
		return false;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, status), 0);
	close(fd);
	return true;
}

static void opens_the_file_that_is_mapped(void **state)
{
	struct target_maps maps = own_maps();
	const struct target_mapping *mapping = target_maps_at(&maps, (uintptr_t)own_maps);
	struct target_mapping none = *mapping;
	struct stat opened, own;

	(void)state;
	assert_int_equal(stat("/proc/self/exe", &own), 0);
	if (open_mapping(mapping, &opened)) {
		assert_int_equal(opened.st_ino, own.st_ino);
		assert_int_equal(opened.st_dev, own.st_dev);
	}
	none.end_addr++;
	assert_true(target_mapping_open(getpid(), &none) < 0);
	target_maps_release(&maps);
}

/* A file's page of code: its folder, its path, and where it is mapped. */
struct mapped_file {
	char folder[64];
	char path[128];
	void *at;
	struct stat status;
};

static struct mapped_file map_file(const char *name)
{
	struct mapped_file file = {.folder = "/tmp/memwatch maps XXXXXX"};
	int fd;

	assert_non_null(mkdtemp(file.folder));
	snprintf(file.path, sizeof(file.path), "%s/%s", file.folder, name);
	fd = open(file.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	assert_int_equal(fstat(fd, &file.status), 0);
	file.at = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, PAGE);
	close(fd);
	assert_true(file.at != MAP_FAILED);
	return file;
}

static void assert_mapping_is(const struct mapped_file *file, const char *path)
{
	struct target_maps maps = own_maps();
	const struct target_mapping *mapping = target_maps_at(&maps, (uintptr_t)file->at);
	struct stat opened;
	uint64_t addr;

	assert_non_null(mapping);
	assert_int_equal(mapping->start_addr, (uintptr_t)file->at);
	assert_int_equal(mapping->end_addr, (uintptr_t)file->at + PAGE);
	assert_int_equal(mapping->file_off, PAGE);
	assert_true(mapping->executable);
	assert_string_equal(mapping->path, path);
	if (open_mapping(mapping, &opened)) {
		assert_int_equal(opened.st_ino, file->status.st_ino);
		assert_int_equal(opened.st_dev, file->status.st_dev);
	}
	assert_true(target_maps_addr(&maps, mapping->device, mapping->inode, PAGE + 5, &addr));
	assert_int_equal(addr, (uintptr_t)file->at + 5);
	/* Its first page is not mapped. */
	assert_false(target_maps_addr(&maps, mapping->device, mapping->inode, 0, &addr));
	target_maps_release(&maps);
}

static void paths_are_whole_and_deleted_ones_open(void **state)
{
	struct mapped_file file = map_file("lib with  spaces.so");
	char deleted[256];

	(void)state;
	assert_mapping_is(&file, file.path);
	snprintf(deleted, sizeof(deleted), "%s (deleted)", file.path);
	assert_int_equal(unlink(file.path), 0);
	assert_mapping_is(&file, deleted);
	/* Another file has taken its name. */
	close(open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	assert_mapping_is(&file, deleted);
	assert_int_equal(unlink(file.path), 0);
	assert_int_equal(rmdir(file.folder), 0);
	munmap(file.at, PAGE);
}

static void memory_without_a_file(void **state)
{
	void *data = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct target_maps maps = own_maps();
	const struct target_mapping *mapping = target_maps_at(&maps, (uintptr_t)data);

	(void)state;
	assert_non_null(mapping);
	assert_int_equal(mapping->inode, 0);
	assert_false(mapping->executable);
	assert_string_equal(mapping->path, "");
	assert_true(target_mapping_open(getpid(), mapping) < 0);
	mapping = target_maps_at(&maps, (uintptr_t)&maps);
	assert_non_null(mapping);
	munmap(data, PAGE);
	target_maps_release(&maps);
}

/* Its open() could do anything: a tape drive's rewinds. */
static void devices_are_not_opened(void **state)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	struct target_maps maps = own_maps();
	const struct target_mapping *mapping = target_maps_at(&maps, (uintptr_t)at);
	struct stat opened;

	(void)state;
	assert_true(fd >= 0 && at != MAP_FAILED);
	assert_non_null(mapping);
	assert_string_equal(mapping->path, "/dev/zero");
	assert_true(mapping->executable && mapping->inode);
	if (open_mapping(target_maps_at(&maps, (uintptr_t)own_maps), &opened))
		assert_int_equal(target_mapping_open(getpid(), mapping), -EMEDIUMTYPE);
	target_maps_release(&maps);
	munmap(at, PAGE);
	close(fd);
}

static struct target_file file_at(const void *at)
{
	struct target_maps maps = own_maps();
	const struct target_mapping *mapping = target_maps_at(&maps, (uintptr_t)at);
	struct target_file file = {0};

	assert_non_null(mapping);
	assert_int_equal(target_mapping_file(getpid(), mapping, &file), 0);
	target_maps_release(&maps);
	return file;
}

static void a_file_that_was_written_to_is_another(void **state)
{
	struct mapped_file mapped = map_file("plugin.so"), other = map_file("plugin.so");
	struct target_maps maps = own_maps();
	struct target_file before, after;
	struct stat opened;
	int fd;

	(void)state;
	if (!open_mapping(target_maps_at(&maps, (uintptr_t)mapped.at), &opened))
		goto out;
	before = file_at(mapped.at);
	after = file_at(mapped.at);
	assert_true(target_file_same(&before, &after));
	after = file_at(other.at);
	assert_false(target_file_same(&before, &after));
	/* In place, and as long as before. The clock of files goes in steps of up to 10 ms. */
	usleep(20000);
	fd = open(mapped.path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, "new", 3), 3);
	after = file_at(mapped.at);
	assert_false(target_file_same(&before, &after));
	assert_false(target_file_deleted(fd));
	unlink(mapped.path);
	assert_true(target_file_deleted(fd));
	close(fd);
out:
	target_maps_release(&maps);
	unlink(mapped.path);
	unlink(other.path);
	rmdir(mapped.folder);
	rmdir(other.folder);
	munmap(mapped.at, PAGE);
	munmap(other.at, PAGE);
}

static void code_that_no_file_backs_is_counted(void **state)
{
	struct target_mapping mappings[] = {
		{.start_addr = 0x1000,
		 .end_addr = 0x2000,
		 .inode = 7,
		 .executable = true,
		 .path = "/bin/cat"},
		{.start_addr = 0x5000, .end_addr = 0x7000, .executable = true, .path = ""},
		{.start_addr = 0x7000, .end_addr = 0x9000, .path = ""},
		{.start_addr = 0xa000, .end_addr = 0xb000, .executable = true, .path = "[heap]"},
		{.start_addr = 0xc000, .end_addr = 0xd000, .executable = true, .path = "[anon:v8]"},
		{.start_addr = 0xe000, .end_addr = 0xf000, .executable = true, .path = "[vdso]"},
	};
	struct target_maps maps = {{mappings, 6, 6}};

	(void)state;
	assert_int_equal(target_maps_fileless_code_bytes(&maps), 0x4000);
}

/* One file in two pieces, and another one with the same inode on another device. */
static void bytes_between_the_pieces_are_not_mapped(void **state)
{
	struct target_mapping pieces[] = {
		{.start_addr = 0x1000, .end_addr = 0x2000, .device = 1, .inode = 7},
		{.start_addr = 0x5000, .end_addr = 0x7000, .device = 2, .inode = 7},
		{.start_addr = 0x9000,
		 .end_addr = 0xb000,
		 .file_off = 0x3000,
		 .device = 1,
		 .inode = 7},
	};
	struct target_maps maps = {{pieces, 3, 3}};
	uint64_t addr = 0;

	(void)state;
	assert_true(target_maps_addr(&maps, 1, 7, 0xfff, &addr));
	assert_int_equal(addr, 0x1fff);
	assert_false(target_maps_addr(&maps, 1, 7, 0x1000, &addr));
	assert_false(target_maps_addr(&maps, 1, 7, 0x2fff, &addr));
	assert_true(target_maps_addr(&maps, 1, 7, 0x3000, &addr));
	assert_int_equal(addr, 0x9000);
	assert_true(target_maps_addr(&maps, 1, 7, 0x4fff, &addr));
	assert_int_equal(addr, 0xafff);
	assert_false(target_maps_addr(&maps, 1, 7, 0x5000, &addr));
	assert_false(target_maps_addr(&maps, 1, 7, UINT64_MAX, &addr));
	assert_true(target_maps_addr(&maps, 2, 7, 0x1800, &addr));
	assert_int_equal(addr, 0x6800);
	assert_false(target_maps_addr(&maps, 1, 8, 0, &addr));
	assert_ptr_equal(target_maps_at(&maps, 0x1000), &pieces[0]);
	assert_null(target_maps_at(&maps, 0x2000));
	assert_ptr_equal(target_maps_at(&maps, 0xafff), &pieces[2]);
}

static void processes_that_are_gone(void **state)
{
	struct target_maps maps;
	siginfo_t info;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(0);
	assert_true(child > 0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(target_maps_read(child, &maps), -ESRCH); /* a zombie */
	assert_int_equal(maps.mappings.count, 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(target_maps_read(child, &maps), -ESRCH);
	assert_int_equal(maps.mappings.count, 0);
	assert_int_equal(target_maps_read(-1, &maps), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_code_is_found_and_inverted),
		cmocka_unit_test(they_come_in_order),
		cmocka_unit_test(opens_the_file_that_is_mapped),
		cmocka_unit_test(paths_are_whole_and_deleted_ones_open),
		cmocka_unit_test(memory_without_a_file),
		cmocka_unit_test(devices_are_not_opened),
		cmocka_unit_test(a_file_that_was_written_to_is_another),
		cmocka_unit_test(code_that_no_file_backs_is_counted),
		cmocka_unit_test(bytes_between_the_pieces_are_not_mapped),
		cmocka_unit_test(processes_that_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
