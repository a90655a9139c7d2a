// SPDX-License-Identifier: GPL-2.0-only
#include "elf/written_name.h"

#include "base/clock.h"
#include "elf/demangle.h"
#include "files.h"

#define STRING "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"

/* ns::Class::flush(), ns::Class::flush(int, char const*) const */
#define FLUSH      "_ZN2ns5Class5flushEv"
#define FLUSH_TEXT "_ZNK2ns5Class5flushEiPKc"
/* (anonymous namespace)::flush(int, std::string), ns::(anonymous namespace)::flush(int) */
#define HIDDEN    "_ZN12_GLOBAL__N_15flushEi" STRING
#define HIDDEN_NS "_ZN2ns12_GLOBAL__N_15flushEi"
/* ns::Buf<int>::flush(int const&), ns::Buf<std::string>::flush(std::string const&) */
#define BUF_INT    "_ZN2ns3BufIiE5flushERKi"
#define BUF_STRING "_ZN2ns3BufI" STRING "E5flushERKS6_"
/* <names::store::Ring as names::store::Store>::flush, in both of Rust's manglings */
#define RUST_TRAIT                                                                                 \
	"_ZN58_$LT$names..store..Ring$u20$as$u20$names..store..Store$GT$"                          \
	"5flush17h0123456789abcdefE"
/* <log::rope::Rope<T> as log::Sink>::flush */
#define RUST_GENERIC                                                                               \
	"_ZN54_$LT$log..rope..Rope$LT$T$GT$$u20$as$u20$log..Sink$GT$5flush17hf5b9b0021760a56fE"
/* log::rope::<impl log::Sink<T> for log::rope::Cord<T>>::flush */
#define RUST_IMPL                                                                                  \
	"_ZN3log4rope73_$LT$impl$u20$log..Sink$LT$T$GT$$u20$for$u20$log..rope..Cord$LT$T$GT$$GT$"  \
	"5flush17hf5b9b0021760a56fE"
/* <r2::Gen<u8> as r2::Sink>::drain, <r2::Gen<u8>>::drain */
#define RUST_GENERIC_V0  "_RNvXs_CslcjRCX3mt6M_2r2INtB4_3GenhENtB4_4Sink5drainB4_"
#define RUST_INHERENT_V0 "_RNvMCslcjRCX3mt6M_2r2INtB2_3GenhE5drainB2_"
#define RUST_V0          "_RNvXNtCs6GmmlP4bgsG_5names5storeNtB2_4RingNtB2_5Store5flush"

struct name_case {
	const char *written, *symbol;
	bool is_named;
};

static const struct name_case names[] = {
	/* Overloads. */
	{"ns::Class::flush", FLUSH, true},
	{"ns::Class::flush", FLUSH_TEXT, true},
	{"ns::Class::flush()", FLUSH, true},
	{"ns::Class::flush()", FLUSH_TEXT, false},
	{"ns::Class::flush(int, char const*)", FLUSH_TEXT, true},
	{"ns::Class::flush(int, const char *)", FLUSH_TEXT, true},
	{" ns :: Class::flush( int,char const * )  const", FLUSH_TEXT, true},
	{"ns::Class::flush(int)", FLUSH_TEXT, false},
	{"ns::Class::flush(int, char*)", FLUSH_TEXT, false},
	{"ns::Class::flush() const", FLUSH, false},
	/* What stands before. */
	{"Class::flush", FLUSH, true},
	{"Class::flush()", FLUSH, true},
	{"::ns::Class::flush", FLUSH, true},
	{"::Class::flush", FLUSH, false},
	{"flush", FLUSH, false},
	{"lass::flush", FLUSH, false},
	{"ns::flush", FLUSH, false},
	{"other::ns::Class::flush", FLUSH, false},
	{"ns::Class", FLUSH, false},
	{"Class::flus", FLUSH, false},
	{"Class::flush::", FLUSH, false},
	{"::", FLUSH, false},
	{"", FLUSH, false},
	/* In no namespace, or in one without a name. */
	{"flush", "_Z5flushi", true},
	{"::flush", "_Z5flushi", true},
	{"flush(int)", "_Z5flushi", true},
	{"flush(long)", "_Z5flushi", false},
	{"flush", HIDDEN, true},
	{"(anonymous namespace)::flush", HIDDEN, true},
	{"(anonymous namespace)::flush", "_Z5flushi", false},
	{"flush(int, std::string)", HIDDEN, true},
	{"flush(int, std::__cxx11::basic_string<char, std::char_traits<char>, "
	 "std::allocator<char> >)",
	 HIDDEN, true},
	{"flush", HIDDEN_NS, false},
	{"ns::flush", HIDDEN_NS, true},
	{"ns::(anonymous namespace)::flush", HIDDEN_NS, true},
	/* Templates: ns::Class::tf<int>(int), gen<int*>(int*). */
	{"Buf<int>::flush", BUF_INT, true},
	{"Buf< int >::flush", BUF_INT, true},
	{"Buf<int>::flush(const int&)", BUF_INT, true},
	{"Buf::flush", BUF_INT, true},
	{"Buf<int>::flush", BUF_STRING, false},
	{"Buf::flush", BUF_STRING, true},
	{"ns::Buf<std::string>::flush(std::string const&)", BUF_STRING, true},
	{"ns::Buf<std::string>::flush(const std::string &)", BUF_STRING, true},
	{"ns::Class::tf", "_ZN2ns5Class2tfIiEET_S2_", true},
	{"Class::tf<int>(int)", "_ZN2ns5Class2tfIiEET_S2_", true},
	{"gen", "_Z3genIPiET_S1_", true},
	{"gen<int*>", "_Z3genIPiET_S1_", true},
	{"int* gen<int*>(int*)", "_Z3genIPiET_S1_", false},
	/* ns::Class::tagged[abi:v2](). */
	{"ns::Class::tagged", "_ZN2ns5Class6taggedB2v2Ev", true},
	{"ns::Class::tagged[abi:v2]", "_ZN2ns5Class6taggedB2v2Ev", true},
	{"ns::Class::tagged[abi:v1]", "_ZN2ns5Class6taggedB2v2Ev", false},
	/* Constructors, destructors, operators. */
	{"Class::Class", "_ZN2ns5ClassC1Ei", true},
	{"ns::Class::Class(int)", "_ZN2ns5ClassC2Ei", true},
	{"Class::~Class", "_ZN2ns5ClassD1Ev", true},
	{"Class::Class", "_ZN2ns5ClassD1Ev", false},
	{"Class::operator()", "_ZN2ns5ClassclEi", true},
	{"Class::operator()(int)", "_ZN2ns5ClassclEi", true},
	{"Class::operator()()", "_ZN2ns5ClassclEi", false},
	{"Class::operator<<", "_ZN2ns5ClasslsEi", true},
	{"Class::operator<<(int)", "_ZN2ns5ClasslsEi", true},
	{"Class::operator<", "_ZN2ns5ClasslsEi", false},
	{"Class::operator<", "_ZN2ns5ClassltIiEEbT_", true},
	{"Class::operator< <int>", "_ZN2ns5ClassltIiEEbT_", true},
	{"Class::operator<<", "_ZN2ns5ClassltIiEEbT_", false},
	{"Class::operator []", "_ZN2ns5ClassixEi", true},
	{"Class::operator int", "_ZN2ns5ClasscviEv", true},
	{"Class::operator int()", "_ZN2ns5ClasscviEv", true},
	{"Class::operator int() const", "_ZN2ns5ClasscviEv", false},
	{"Class::operator void (*)()", "_ZN2ns5ClasscvPFvvEEv", true},
	{"Class::operator void (*)()()", "_ZN2ns5ClasscvPFvvEEv", true},
	{"operator new(unsigned long)", "_Znwm", true},
	{"operator new[](unsigned long)", "_Znam", true},
	{"operator new[]", "_Znam", true},
	{"operator new", "_Znam", false},
	{"operator<<", "_ZlsRSoN2ns5ClassE", true},
	{"operator<<(std::ostream&, ns::Class)", "_ZlsRSoN2ns5ClassE", true},
	{"operator<<", "_ZN2ns5ClasslsEi", false},
	/* Within functions: outer(int)::L::g(int), outer(int)::{lambda(int)#1}::operator(). */
	{"outer(int)::L::g", "_ZZ5outeriEN1L1gEi", true},
	{"outer::L::g(int)", "_ZZ5outeriEN1L1gEi", true},
	{"L::g", "_ZZ5outeriEN1L1gEi", true},
	{"outer", "_ZZ5outeriEN1L1gEi", false},
	{"outer::{lambda(int)#1}::operator()", "_ZZ5outeriENKUliE_clEi", true},
	{"outer", "_ZZ5outeriENKUliE_clEi", false},
	/* What the compiler made of it; a thunk is none. */
	{"Class::flush", FLUSH ".constprop.0", true},
	{"Class::flush()", FLUSH ".isra.0", true},
	{"D1::w", "_ZThn16_N2D11wEv", false},
	/* Rust. */
	{"names::pick", "_ZN5names4pick17h136c936a22551fa5E", true},
	{"pick", "_ZN5names4pick17h136c936a22551fa5E", false},
	{"names::pick::h136c936a22551fa5", "_ZN5names4pick17h136c936a22551fa5E", false},
	{"<names::store::Ring as names::store::Store>::flush", RUST_TRAIT, true},
	{"names::store::Ring::flush", RUST_TRAIT, true},
	{"Ring::flush", RUST_TRAIT, true},
	{"::names::store::Ring::flush", RUST_TRAIT, true},
	{"Store::flush", RUST_TRAIT, false},
	{"<names::store::Ring as names::store::Store>::flush", RUST_V0, true},
	{"Ring::flush", RUST_V0, true},
	{"ing::flush", RUST_V0, false},
	/* Of generic types; in the older mangling, they keep their parameters' names. */
	{"Rope::flush", RUST_GENERIC, true},
	{"Rope<T>::flush", RUST_GENERIC, true},
	{"Rope<u8>::flush", RUST_GENERIC, false},
	{"log::rope::Rope::flush", RUST_GENERIC, true},
	{"Sink::flush", RUST_GENERIC, false},
	{"<log::rope::Rope<T> as log::Sink>::flush", RUST_GENERIC, true},
	{"<Rope<T> as Sink>::flush", RUST_GENERIC, true},
	{"<Rope as Sink>::flush", RUST_GENERIC, true},
	{"<Rope as log::Sink>::flush", RUST_GENERIC, true},
	{"<Rope as Store>::flush", RUST_GENERIC, false},
	{"<ope as Sink>::flush", RUST_GENERIC, false},
	{"<Rope as ink>::flush", RUST_GENERIC, false},
	{"<Rope>::flush", RUST_GENERIC, true},
	{"<Ring as Store>::flush", RUST_TRAIT, true},
	{"<Ring as Store>::flush", RUST_V0, true},
	{"Cord::flush", RUST_IMPL, true},
	{"Cord<T>::flush", RUST_IMPL, true},
	{"<Cord as Sink>::flush", RUST_IMPL, true},
	{"<Sink as Cord>::flush", RUST_IMPL, false},
	{"Gen::drain", RUST_GENERIC_V0, true},
	{"Gen<u8>::drain", RUST_GENERIC_V0, true},
	{"r2::Gen::drain", RUST_GENERIC_V0, true},
	{"<Gen as Sink>::drain", RUST_GENERIC_V0, true},
	{"<Gen<i8> as Sink>::drain", RUST_GENERIC_V0, false},
	{"Gen::drain", RUST_INHERENT_V0, true},
	{"<Gen>::drain", RUST_INHERENT_V0, true},
	{"<r2::Gen<u8>>::drain", RUST_INHERENT_V0, true},
	{"<Gen as Sink>::drain", RUST_INHERENT_V0, false},
	{"r::store::pick", "_RINvNtCs6GmmlP4bgsG_1r5store4pickjEB4_", true},
	{"r::store::pick::<usize>", "_RINvNtCs6GmmlP4bgsG_1r5store4pickjEB4_", true},
	{"store::pick<usize>", "_RINvNtCs6GmmlP4bgsG_1r5store4pickjEB4_", true},
	{"store::pick<i32>", "_RINvNtCs6GmmlP4bgsG_1r5store4pickjEB4_", false},
	/* Nothing of the kind. */
	{"flush", "flush", false},
	{"flush", "_Zflush", false},
	{"flush", "_R", false},
};

/* std::vector<int, std::allocator<int> >::push(int) and one of vectors, both of a program's own. */
#define VECTOR "_ZNSt6vectorIiSaIiEE4pushEi"
#define NESTED "_ZNSt6vectorIS_IiSaIiEESaIS1_EE4pushERKS1_"

/* Where the last template arguments may be left out. */
static const struct name_case short_names[] = {
	{"std::vector<int>::push", VECTOR, true},
	{"vector<int>::push(int)", VECTOR, true},
	{"vector<int, std::allocator<int>>::push", VECTOR, true},
	{"vector<char>::push", VECTOR, false},
	{"vector<>::push", VECTOR, false},
	{"vector<int, std>::push", VECTOR, false},
	{"vector<int>::push", NESTED, false},
	{"vector<std::vector<int>>::push", NESTED, true},
	{"vector<std::vector<int>>::push(std::vector<int> const&)", NESTED, true},
	{"vector<std::vector<int>>::push(std::vector<int>)", NESTED, false},
	{"vector::push(const std::vector<int>&)", NESTED, true},
	{"vector<std::vector<char>>::push", NESTED, false},
	{"Buf<int>::flush", BUF_INT, true},
	{"Class::operator>", "_ZN2ns5ClassgtIiEEbT_", true},
};

static const struct name_case globs[] = {
	{"ns::Class::fl*", FLUSH, true},
	{"ns::*", FLUSH, true},
	{"Class::*", FLUSH, true},
	{"Class::*", BUF_INT, false},
	{"::Class::*", FLUSH, false},
	{"*::flush", BUF_STRING, true},
	{"Class::[ef]lus?", FLUSH_TEXT, true},
	{"ns::Cl*", FLUSH, true},
	{"ns*flush", FLUSH, true},
	{"Class*", FLUSH, false},
	{"Ring::fl*", RUST_TRAIT, true},
	{"ns::fl*(int)", HIDDEN_NS, true},
	{"ns::fl*(long)", HIDDEN_NS, false},
};

static void check(const struct name_case *cases, size_t count, bool as_glob, bool is_short)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++) {
		struct written_name wanted;

		assert_int_equal(elf_written_name_init(&wanted, cases[i].written), 0);
		wanted.is_short = is_short;
		if (elf_written_name_names(&wanted, cases[i].symbol, as_glob) !=
		    cases[i].is_named) {
			print_error("'%s' and %s: not %d (%s, %s, %s)\n", cases[i].written,
				    cases[i].symbol, cases[i].is_named, wanted.name,
				    wanted.arguments, wanted.key);
			wrong++;
		}
		elf_written_name_release(&wanted);
	}
	assert_int_equal(wrong, 0);
}

static void names_what_people_mean(void **state)
{
	(void)state;
	check(names, COUNT(names), false, false);
}

static void globs_match_without_arguments(void **state)
{
	(void)state;
	check(globs, COUNT(globs), true, false);
}

static void last_template_arguments_may_be_left_out(void **state)
{
	(void)state;
	check(short_names, COUNT(short_names), false, true);
	/* Not before what is written in full was looked for. */
	check(&(struct name_case){"vector<int>::push", VECTOR, false}, 1, false, false);
}

/* What memwatch shows of a function, a person may give back. */
static void check_own_name(const struct elf_symbol *symbol, enum elf_name_form form)
{
	char *shown = elf_shown_name(symbol->name, form);
	struct written_name wanted;

	assert_non_null(shown);
	assert_int_equal(elf_written_name_init(&wanted, shown), 0);
	if (!elf_written_name_names(&wanted, symbol->name, false))
		fail_msg("'%s' does not name %s", shown, symbol->name);
	elf_written_name_release(&wanted);
	free(shown);
}

/* Of all functions of libstdc++, which has some of everything. */
static void a_shown_name_names_its_function(void **state)
{
	struct elf_image *image = open_image("/usr/lib/x86_64-linux-gnu/libstdc++.so.6");
	const struct elf_symbol *symbol;
	elf_symbols found = {0};
	size_t checked = 0;

	(void)state;
	assert_int_equal(elf_find_symbols(image, "_Z*", &found), 0);
	array_each (symbol, &found) {
		/* Thunks and guards are nobody's to name. */
		if (!strncmp(symbol->name, "_ZT", 3) || !strncmp(symbol->name, "_ZG", 3))
			continue;
		check_own_name(symbol, NAME_ALONE);
		check_own_name(symbol, NAME_ARGUMENTS);
		checked++;
	}
	assert_true(checked > 1000);
	array_release(&found);
	elf_image_free(image);
}

/* Whatever brackets and colons a person leaves open. */
static void survives_any_text(void **state)
{
	static const char *const pieces[] = {
		"<",        ">", "(", ")",      "[", "]", "{", "}", "::",    ":",     "a",
		"operator", " ", "*", "const ", "&", ",", "~", "-", "[abi:", "impl ", " as "};
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[256] = "";
		struct written_name wanted;
		const char *word;

		for (int k = rand_r(&seed) % 12; k >= 0; k--)
			strcat(text, pieces[rand_r(&seed) % COUNT(pieces)]);
		assert_int_equal(elf_written_name_init(&wanted, text), 0);
		for (size_t k = 0; k < COUNT(names); k += 7)
			elf_written_name_names(&wanted, names[k].symbol, false);
		wanted.is_short = true;
		for (size_t k = 0; k < COUNT(short_names); k++)
			elf_written_name_names(&wanted, short_names[k].symbol, false);
		elf_written_name_release(&wanted);
		assert_true(elf_last_word(text, &word) <= strlen(text));
	}
}

static void knows_the_last_word(void **state)
{
	static const struct {
		const char *name, *word;
	} cases[] = {
		{"flush", "flush"},
		{"ns::Grow<int>::flush", "flush"},
		{"ns::Grow<int>::~Grow", "Grow"},
		{"pick::<u8>", ""},
		{"pick<u8>", "pick"},
		{"flush(int)", "flush"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *word;
		size_t bytes = elf_last_word(cases[i].name, &word);

		if (!*cases[i].word)
			continue;
		assert_int_equal(bytes, strlen(cases[i].word));
		assert_memory_equal(word, cases[i].word, bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_people_mean),
		cmocka_unit_test(last_template_arguments_may_be_left_out),
		cmocka_unit_test(globs_match_without_arguments),
		cmocka_unit_test(a_shown_name_names_its_function),
		cmocka_unit_test(survives_any_text),
		cmocka_unit_test(knows_the_last_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
