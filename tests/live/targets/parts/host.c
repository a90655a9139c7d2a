// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits for a line, loads the plugin that its argument names, waits for another, and has it flush
 * five times. Says how far it is, then what each flush copied.
 */
#include <dlfcn.h>
#include <stdio.h>

static void wait_for_line(const char *word)
{
	puts(word);
	fflush(stdout);
	getchar();
}

int main(int count, char **arguments)
{
	size_t (*flush)(size_t);
	void *plugin;

	wait_for_line("started");
	plugin = dlopen(arguments[count - 1], RTLD_NOW);
	if (!plugin) {
		fprintf(stderr, "host: %s\n", dlerror());
		return 1;
	}
	*(void **)&flush = dlsym(plugin, "plugin_flush");
	wait_for_line("loaded");
	for (size_t i = 1; i <= 5; i++)
		printf("%zu\n", flush(1000 * i));
	return 0;
}
