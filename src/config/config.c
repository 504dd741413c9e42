#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/options.h"

#include "base/banned.h"

#define URL_MAX_BYTES 300
#define FILE_MAX      (1UL << 20)
#define NAME_MAX_     64
#define ORIGIN_MAX    512

extern char **environ;

static void variable_name(const struct option *option, char out[NAME_MAX_]) {
    int len = snprintf(out, NAME_MAX_, "INKLING_%s", option->name);
    if (len < 0 || len >= NAME_MAX_) BUG("the option name %s is too long", option->name);
    for (char *c = out; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
}

static void flag_name(const struct option *option, char out[NAME_MAX_]) {
    snprintf(out, NAME_MAX_, "--%s", option->name);
    for (char *c = out; *c; c++)
        if (*c == '_') *c = '-';
}

static const struct option *find_option(struct slice name) {
    for (size_t i = 0; i < options_count; i++)
        if (slice_equal(slice_cstr(options[i].name), name)) return &options[i];
    return NULL;
}

/* ---- arguments ---- */

struct arguments {
    const struct command_option *own;
    const char **own_values;
    const char **flags;      /* by option */
    const char *config_file; /* --config */
    const char **rest;
    size_t rest_count;
};

/* "--name" or "--name=value" against a flag. *ret_inline: the value behind '=', or NULL. */
static bool is_flag(const char *argument, const char *flag, const char **ret_inline) {
    size_t len = strlen(flag);
    if (strncmp(argument, flag, len) != 0 || (argument[len] != '\0' && argument[len] != '=')) return false;
    *ret_inline = argument[len] == '=' ? argument + len + 1 : NULL;
    return true;
}

struct target {
    const char **value;
    bool needs_value; /* otherwise alone it means yes */
};

static bool find_target(struct arguments *found, const char *argument, struct target *ret, const char **ret_inline) {
    char flag[NAME_MAX_];
    if (is_flag(argument, "--config", ret_inline)) {
        *ret = (struct target){&found->config_file, true};
        return true;
    }
    for (size_t i = 0; i < options_count; i++) {
        flag_name(&options[i], flag);
        if (!is_flag(argument, flag, ret_inline)) continue;
        *ret = (struct target){&found->flags[i], options[i].type != OPTION_FLAG};
        return true;
    }
    for (size_t i = 0; found->own && found->own[i].name; i++) {
        snprintf(flag, sizeof(flag), "--%s", found->own[i].name);
        if (!is_flag(argument, flag, ret_inline)) continue;
        *ret = (struct target){&found->own_values[i], found->own[i].value != NULL};
        return true;
    }
    return false;
}

static int read_arguments(int count, char *const *arguments, struct arguments *found, struct err *err) {
    for (int i = 0; i < count; i++) {
        const char *argument = arguments[i], *value;
        struct target target;
        if (strcmp(argument, "--") == 0) {
            while (++i < count)
                found->rest[found->rest_count++] = arguments[i];
            break;
        }
        if (argument[0] != '-' || argument[1] == '\0') {
            found->rest[found->rest_count++] = argument;
            continue;
        }
        if (!find_target(found, argument, &target, &value))
            return err_set(err, ERR_INVALID, "there is no option %s; --help lists what there is", argument);
        if (!value && target.needs_value) {
            if (i + 1 == count) return err_set(err, ERR_INVALID, "%s needs a value behind it", argument);
            value = arguments[++i];
        }
        *target.value = value ? value : "yes";
    }
    return 0;
}

/* ---- the file ---- */

static int read_file(const char *path, bool must_exist, struct strbuf *out, bool *ret_read, struct err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
    *ret_read = fd >= 0;
    if (fd < 0 && !must_exist && errno == ENOENT) return 0;
    if (fd < 0) return err_set(err, ERR_INVALID, "the configuration file %s cannot be read: %s", path, strerror(errno));
    for (;;) {
        char buffer[8192];
        ssize_t len = read(fd, buffer, sizeof(buffer));
        if (len < 0 && errno == EINTR) continue;
        if (len < 0)
            r = err_set(err, ERR_INVALID, "the configuration file %s cannot be read: %s", path, strerror(errno));
        if (len <= 0) break;
        strbuf_add(out, buffer, (size_t)len);
    }
    close(fd);
    if (r == 0 && (out->overflow || memchr(out->ptr, '\0', out->len)))
        r = err_set(err, ERR_INVALID, "%s is not a configuration file", path);
    return r;
}

static int apply_line(struct config *config, struct slice line, const char *origin, struct err *err) {
    struct slice name, value;
    line = slice_trim(line);
    if (slice_empty(line) || line.ptr[0] == '#') return 0;
    ptrdiff_t equals = slice_find_char(line, '=');
    if (equals < 0) return err_set(err, ERR_INVALID, "%s: expected \"name = value\"", origin);
    name = slice_trim(slice_first(line, (size_t)equals));
    value = slice_trim(slice_from(line, (size_t)equals + 1));
    const struct option *option = find_option(name);
    if (!option)
        return err_set(err, ERR_INVALID, "%s: there is no option \"%.*s\"", origin, SLICE_FMT(slice_first(name, 60)));
    return option_set(config, option, arena_cstr(config->arena, value), origin, err);
}

static int apply_file(struct config *config, struct slice text, struct err *err) {
    struct slice line;
    char origin[ORIGIN_MAX];
    for (int number = 1; slice_split_next(&text, '\n', &line); number++) {
        snprintf(origin, sizeof(origin), "%s, line %d", config->file, number);
        int r = apply_line(config, line, origin, err);
        if (r < 0) return r;
    }
    return 0;
}

/* ---- all together ---- */

static int apply(struct config *config, struct slice file_text, const char *const *flags, struct err *err) {
    char name[NAME_MAX_];
    int r = 0;
    for (size_t i = 0; i < options_count && r == 0; i++)
        r = option_set(config, &options[i], options[i].standard, "default", err);
    if (r == 0 && config->file) r = apply_file(config, file_text, err);
    for (size_t i = 0; i < options_count && r == 0; i++) {
        variable_name(&options[i], name);
        const char *value = getenv(name);
        if (value) r = option_set(config, &options[i], value, name, err);
    }
    for (size_t i = 0; i < options_count && r == 0; i++) {
        flag_name(&options[i], name);
        if (flags[i]) r = option_set(config, &options[i], flags[i], name, err);
    }
    return r;
}

/* Beside the SQLite file, so that who names just a database has all in one place. */
static const char *default_place(struct config *config, const char *name) {
    const char *prefix = "sqlite:", *path = config->database + strlen(prefix), *slash = strrchr(path, '/');
    if (strncmp(config->database, prefix, strlen(prefix)) != 0)
        return arena_printf(config->arena, "%s/%s", config->data_directory, name);
    return arena_printf(config->arena, "%.*s%s", slash ? (int)(slash - path + 1) : 0, path, name);
}

static int complete_url(struct config *config, const char *name, const char **url, struct err *err) {
    struct slice text = slice_cstr(*url);
    if (slice_empty(text)) return 0;
    if (!slice_starts_with(text, SLICE("http://")) && !slice_starts_with(text, SLICE("https://")))
        return err_set(err, ERR_INVALID, "%s must begin with https:// or http://", name);
    for (size_t i = 0; i < text.len; i++) /* it is written into attributes of HTML */
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f ||
            strchr("\"'<>&?#`\\", text.ptr[i]))
            return err_set(err, ERR_INVALID, "%s must be a URL without query, quotes and blanks", name);
    if (text.len > URL_MAX_BYTES) return err_set(err, ERR_INVALID, "%s has more than %d bytes", name, URL_MAX_BYTES);
    while (slice_ends_with(text, SLICE("/")))
        text.len--;
    *url = arena_cstr(config->arena, text);
    return 0;
}

/* Values that follow from others, and what must go together. */
static int complete(struct config *config, struct err *err) {
    struct slice database = slice_cstr(config->database);
    if (slice_empty(database))
        config->database = arena_printf(config->arena, "sqlite:%s/inkling.db", config->data_directory);
    else if (!slice_starts_with(database, SLICE("sqlite:")) && !slice_starts_with(database, SLICE("postgresql://")) &&
             !slice_starts_with(database, SLICE("postgres://")))
        return err_set(err, ERR_INVALID, "database must be sqlite:PATH or postgresql://…");
    if (!*config->secret_key_file) config->secret_key_file = default_place(config, "secret.key");
    if (!*config->journal_directory) config->journal_directory = default_place(config, "hits");
    int r = complete_url(config, "public_url", &config->public_url, err);
    if (r == 0) r = complete_url(config, "tracking_url", &config->tracking_url, err);
    if (r < 0) return r;
    if (!*config->tls_certificate_file != !*config->tls_key_file)
        return err_set(err, ERR_INVALID, "tls_certificate_file and tls_key_file go together: set both or none");
    return 0;
}

int config_load(int argument_count, char *const *arguments, const struct command_option *own, const char **own_values,
                struct config **ret, const char *const **ret_rest, size_t *ret_rest_count, struct err *err) {
    struct arena *arena = arena_new();
    struct config *config = arena_alloc(arena, sizeof(*config));
    struct strbuf text;
    bool has_file;
    struct arguments found = {.own = own, .own_values = own_values};
    strbuf_init(&text, FILE_MAX);
    config->arena = arena;
    found.flags = arena_alloc_array(arena, options_count, sizeof(*found.flags));
    found.rest = arena_alloc_array(arena, (size_t)argument_count + 1, sizeof(*found.rest));

    int r = read_arguments(argument_count, arguments, &found, err);
    if (r < 0) goto out;
    if (!found.config_file) found.config_file = getenv("INKLING_CONFIG");
    config->file = arena_printf(arena, "%s", found.config_file ? found.config_file : CONFIG_FILE_DEFAULT);
    r = read_file(config->file, found.config_file != NULL, &text, &has_file, err);
    if (r < 0) goto out;
    if (!has_file) config->file = NULL;
    r = apply(config, strbuf_slice(&text), found.flags, err);
    if (r == 0) r = complete(config, err);
    if (r < 0) goto out;
    *ret = config;
    if (ret_rest) *ret_rest = found.rest;
    if (ret_rest_count) *ret_rest_count = found.rest_count;
out:
    strbuf_release(&text);
    if (r < 0) arena_free(arena);
    return r;
}

struct config *config_free(struct config *config) {
    if (config) arena_free(config->arena);
    return NULL;
}

/* ---- printing ---- */

#define HELP_COLUMN 34
#define HELP_WIDTH  110

/* Words of `help` in lines of HELP_WIDTH, each after the first behind `indent` spaces and `lead`. */
static void write_wrapped(struct strbuf *out, const char *help, size_t indent, const char *lead, size_t at) {
    struct slice rest = slice_cstr(help), word;
    bool first = true;
    while (slice_split_next(&rest, ' ', &word)) {
        if (!first && at + 1 + word.len > HELP_WIDTH) {
            strbuf_printf(out, "\n%*s%s", (int)indent, "", lead);
            at = indent + strlen(lead);
            first = true;
        }
        if (!first) {
            strbuf_add_char(out, ' ');
            at++;
        }
        strbuf_add_slice(out, word);
        at += word.len;
        first = false;
    }
    strbuf_add_char(out, '\n');
}

static void write_help_line(struct strbuf *out, const char *left, const char *help) {
    size_t len = strlen(left);
    strbuf_printf(out, "  %s", left);
    if (len + 4 > HELP_COLUMN)
        strbuf_printf(out, "\n%*s", HELP_COLUMN, "");
    else
        strbuf_printf(out, "%*s", (int)(HELP_COLUMN - len - 2), "");
    write_wrapped(out, help, HELP_COLUMN, "", HELP_COLUMN);
}

static const char *value_word(const struct option *option) {
    static const char *const words[] = {
        [OPTION_TEXT] = "TEXT",    [OPTION_SECRET] = "TEXT", [OPTION_INTEGER] = "NUMBER", [OPTION_BYTES] = "SIZE",
        [OPTION_CIDRS] = "BLOCKS", [OPTION_LEVEL] = "LEVEL", [OPTION_FORMAT] = "FORMAT",  [OPTION_FLAG] = "yes|no"};
    return words[option->type];
}

void config_write_help(struct strbuf *out) {
    char flag[NAME_MAX_], left[NAME_MAX_ + 32];
    write_help_line(out, "--config FILE",
                    "Configuration file. Default: " CONFIG_FILE_DEFAULT ", when it is there. Also INKLING_CONFIG.");
    for (size_t i = 0; i < options_count; i++) {
        flag_name(&options[i], flag);
        snprintf(left, sizeof(left), "%s %s", flag, value_word(&options[i]));
        write_help_line(out, left, options[i].help);
    }
}

void command_options_write_help(const struct command_option *own, struct strbuf *out) {
    char left[NAME_MAX_ + 64];
    for (; own && own->name; own++) {
        snprintf(left, sizeof(left), "--%s%s%s", own->name, own->value ? " " : "", own->value ? own->value : "");
        write_help_line(out, left, own->help);
    }
}

void config_write_sample(struct strbuf *out) {
    strbuf_add_cstr(
        out, "# Configuration of inkling: \"name = value\" lines. Every option is shown with its default.\n"
             "# INKLING_NAME in the environment comes before this file, --name on the command line before both.\n");
    for (size_t i = 0; i < options_count; i++) {
        strbuf_add_cstr(out, "\n# ");
        write_wrapped(out, options[i].help, 0, "# ", 2);
        if (options[i].reloaded) strbuf_add_cstr(out, "# Reloaded on SIGHUP.\n");
        strbuf_printf(out, "#%s = %s\n", options[i].name, options[i].standard);
    }
}

void config_write(const struct config *config, struct strbuf *out) {
    for (size_t i = 0; i < options_count; i++) {
        strbuf_printf(out, "%s = ", options[i].name);
        option_write(config, &options[i], out);
        strbuf_add_char(out, '\n');
    }
}

void config_unknown_variables(struct strbuf *out) {
    static const struct slice prefix = {"INKLING_", 8};
    /* Not options, but known: the file, and what only tests set. */
    static const char *const others[] = {"INKLING_CONFIG", "INKLING_CLOCK_OFFSET_MS", "INKLING_SOURCE",
                                         "INKLING_BINARY"};
    char name[NAME_MAX_];
    for (char **variable = environ; *variable; variable++) {
        struct slice rest = slice_cstr(*variable), set;
        bool known = !slice_starts_with(rest, prefix);
        if (!slice_split_next(&rest, '=', &set)) continue;
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
            known |= slice_equal(set, slice_cstr(others[i]));
        for (size_t i = 0; i < options_count && !known; i++) {
            variable_name(&options[i], name);
            known = slice_equal(set, slice_cstr(name));
        }
        if (!known) strbuf_printf(out, "%.*s\n", SLICE_FMT(set));
    }
}

void config_write_restart(const struct config *running, const struct config *loaded, struct strbuf *out) {
    struct strbuf old, new;
    strbuf_init(&old, FILE_MAX);
    strbuf_init(&new, FILE_MAX);
    for (size_t i = 0; i < options_count; i++) {
        if (options[i].reloaded) continue;
        strbuf_clear(&old);
        strbuf_clear(&new);
        option_write(running, &options[i], &old);
        option_write(loaded, &options[i], &new);
        if (!slice_equal(strbuf_slice(&old), strbuf_slice(&new))) strbuf_printf(out, "%s\n", options[i].name);
    }
    strbuf_release(&old);
    strbuf_release(&new);
}
