/* providers: the email services that endpoints can be made for, and what each asks for. */
#include "api/api.h"
#include "api/resources.h"
#include "providers/provider.h"

#include "base/banned.h"

int providers_list(struct api_call *call, struct err *err) {
    struct api_table *row = api_table_begin(call, "providers");
    for (size_t i = 0; providers[i]; i++) {
        api_table_row(row);
        api_table_text(row, "provider", slice_cstr(providers[i]->name));
        api_table_text(row, "title", slice_cstr(providers[i]->title));
        api_table_text(row, "secret_help", slice_cstr(providers[i]->secret_help));
        api_table_bool(row, "signs", providers[i]->verify != NULL);
        api_table_bool(row, "topics", providers[i]->topics_required);
        api_table_bool(row, "inbound", providers[i]->parse_inbound != NULL);
    }
    api_table_end(call, NULL);
    return 0;
}
