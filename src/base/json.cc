/* The project's one C++ file: it turns simdjson's tape into the values of json.h. What needs no simdjson is in
 * json_value.c. Nothing throws across the C boundary: the file is compiled without exceptions, simdjson is used by its
 * error codes, and allocations return null. */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <cstdint>
#include <cstring>
#include <new>

extern "C" {
#include "base/json.h"
#include "base/memory.h"
}

#include "base/banned.h"

namespace dom = simdjson::dom;
using simdjson::internal::tape_ref;
using simdjson::internal::tape_type;

struct json_reader {
    dom::parser parser;
    dom::document document;
};

static_assert(JSON_PADDING >= simdjson::SIMDJSON_PADDING, "simdjson reads in blocks of this size");

/* The first level that simdjson refuses. Empty arrays and objects are no level to it. */
static constexpr size_t tape_depth = JSON_DEPTH_MAX + 1;

static tape_ref at(const void *document, size_t index) {
    return tape_ref(static_cast<const dom::document *>(document), index);
}

static tape_ref tape_of(json_value value) {
    return at(value.document, value.index);
}

static json_kind type_of(tape_type type) {
    switch (type) {
    case tape_type::NULL_VALUE:
        return JSON_KIND_NULL;
    case tape_type::TRUE_VALUE:
    case tape_type::FALSE_VALUE:
        return JSON_KIND_BOOL;
    case tape_type::INT64:
        return JSON_KIND_INTEGER;
    case tape_type::UINT64:
        return JSON_KIND_UNSIGNED;
    case tape_type::DOUBLE:
        return JSON_KIND_REAL;
    case tape_type::STRING:
        return JSON_KIND_STRING;
    case tape_type::START_ARRAY:
        return JSON_KIND_ARRAY;
    case tape_type::START_OBJECT:
        return JSON_KIND_OBJECT;
    default:
        return JSON_KIND_NONE;
    }
}

static json_value value_at(const void *document, size_t index) {
    json_value value;
    value.document = document;
    value.index = index;
    value.type = static_cast<uint8_t>(type_of(at(document, index).tape_ref_type()));
    return value;
}

static slice text_of(tape_ref tape) {
    return slice_of(tape.get_c_str(), tape.get_string_length());
}

static const char *reason(simdjson::error_code code) {
    switch (code) {
    case simdjson::UTF8_ERROR:
        return "it is not valid UTF-8";
    case simdjson::DEPTH_ERROR:
        return "it is nested too deeply";
    case simdjson::EMPTY:
        return "it is empty";
    case simdjson::NUMBER_ERROR:
        return "a number is malformed or out of range";
    case simdjson::STRING_ERROR:
    case simdjson::UNESCAPED_CHARS:
        return "a string has a malformed escape or a bare control character";
    case simdjson::UNCLOSED_STRING:
        return "a string has no end";
    default:
        return "it is malformed";
    }
}

/* Makes parser and document large enough, in steps, so that ever slightly larger texts do not allocate each time. A
 * byte of text takes about 14 of them, so the steps stay small. */
static void reserve(json_reader *reader, size_t len) {
    static constexpr size_t smallest = 4 << 10, step = 256 << 10;
    if (reader->parser.capacity() >= len && reader->document.capacity() >= len) return;
    size_t capacity = len <= smallest ? smallest : (len + step - 1) / step * step;
    if (capacity > simdjson::SIMDJSON_MAXSIZE_BYTES) capacity = simdjson::SIMDJSON_MAXSIZE_BYTES;
    if (reader->parser.allocate(capacity, tape_depth) || reader->document.allocate(capacity)) memory_exhausted();
}

json_reader *json_reader_new(void) {
    json_reader *reader = new (std::nothrow) json_reader;
    if (!reader) memory_exhausted();
    return reader;
}

json_reader *json_reader_free(json_reader *reader) {
    delete reader;
    return nullptr;
}

size_t json_reader_capacity(const json_reader *reader) {
    return reader->parser.capacity();
}

int json_parse(json_reader *reader, slice text, json_value *ret_root, err *err) {
    if (text.len == 0) return err_set(err, ERR_UNREADABLE, "the JSON text cannot be read: it is empty");
    if (text.len > simdjson::SIMDJSON_MAXSIZE_BYTES) return err_set(err, ERR_TOO_LARGE, "the JSON text is too large");
    reserve(reader, text.len);
    dom::element root;
    simdjson::error_code code =
        reader->parser.parse_into_document(reader->document, text.ptr, text.len, false).get(root);
    if (code == simdjson::MEMALLOC) memory_exhausted();
    if (code) return err_set(err, ERR_UNREADABLE, "the JSON text cannot be read: %s", reason(code));
    /* The tape begins with a word that stands for the document; the root value follows. */
    *ret_root = value_at(&reader->document, 1);
    return 0;
}

json_iterator json_elements(json_value array) {
    json_iterator iterator = {nullptr, 0, 0};
    if (array.type != JSON_KIND_ARRAY) return iterator;
    iterator.document = array.document;
    iterator.at = array.index + 1;
    iterator.end = tape_of(array).matching_brace_index() - 1; /* the closing brace; "matching" is the word behind it */
    return iterator;
}

bool json_next(json_iterator *iterator, json_value *ret_element) {
    if (iterator->at >= iterator->end) return false;
    *ret_element = value_at(iterator->document, iterator->at);
    iterator->at = tape_of(*ret_element).after_element();
    return true;
}

json_iterator json_members(json_value object) {
    json_iterator iterator = {nullptr, 0, 0};
    if (object.type != JSON_KIND_OBJECT) return iterator;
    iterator.document = object.document;
    iterator.at = object.index + 1;
    iterator.end = tape_of(object).matching_brace_index() - 1;
    return iterator;
}

bool json_next_member(json_iterator *iterator, slice *ret_key, json_value *ret_value) {
    if (iterator->at >= iterator->end) return false;
    *ret_key = text_of(at(iterator->document, iterator->at));
    *ret_value = value_at(iterator->document, iterator->at + 1); /* a key is one word of the tape */
    iterator->at = tape_of(*ret_value).after_element();
    return true;
}

json_value json_get(json_value value, slice key) {
    json_iterator iterator = json_members(value);
    while (iterator.at < iterator.end) {
        tape_ref name = at(iterator.document, iterator.at);
        if (name.get_string_length() == key.len && slice_equal(text_of(name), key))
            return value_at(iterator.document, iterator.at + 1);
        iterator.at = at(iterator.document, iterator.at + 1).after_element();
    }
    return json_value{nullptr, 0, JSON_KIND_NONE};
}

size_t json_count(json_value array_or_object) {
    if (array_or_object.type != JSON_KIND_ARRAY && array_or_object.type != JSON_KIND_OBJECT) return 0;
    size_t count = tape_of(array_or_object).scope_count();
    if (count < simdjson::internal::JSON_COUNT_MASK) return count;
    /* The tape has 24 bits for it and stops counting there. */
    bool object = array_or_object.type == JSON_KIND_OBJECT;
    json_iterator iterator = object ? json_members(array_or_object) : json_elements(array_or_object);
    for (count = 0; iterator.at < iterator.end; count++)
        iterator.at = at(iterator.document, iterator.at + (object ? 1 : 0)).after_element();
    return count;
}

bool json_text(json_value value, slice *ret) {
    if (value.type != JSON_KIND_STRING) return false;
    *ret = text_of(tape_of(value));
    return true;
}

bool json_bool(json_value value, bool *ret) {
    if (value.type != JSON_KIND_BOOL) return false;
    *ret = tape_of(value).is_true();
    return true;
}

bool json_i64(json_value value, int64_t *ret) {
    if (value.type != JSON_KIND_INTEGER) return false; /* JSON_KIND_UNSIGNED is what does not fit */
    *ret = tape_of(value).next_tape_value<int64_t>();
    return true;
}

bool json_u64(json_value value, uint64_t *ret) {
    if (value.type == JSON_KIND_UNSIGNED) {
        *ret = tape_of(value).next_tape_value<uint64_t>();
        return true;
    }
    int64_t number;
    if (!json_i64(value, &number) || number < 0) return false;
    *ret = static_cast<uint64_t>(number);
    return true;
}

bool json_number(json_value value, double *ret) {
    switch (value.type) {
    case JSON_KIND_REAL:
        *ret = tape_of(value).next_tape_value<double>();
        return true;
    case JSON_KIND_INTEGER:
        *ret = static_cast<double>(tape_of(value).next_tape_value<int64_t>());
        return true;
    case JSON_KIND_UNSIGNED:
        *ret = static_cast<double>(tape_of(value).next_tape_value<uint64_t>());
        return true;
    default:
        return false;
    }
}
