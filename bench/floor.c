/* floor: what libmicrohttpd alone costs: every GET gets the same 43 bytes, and nothing is looked at or kept.
 *
 *   floor PORT [BYTES of memory for a connection]
 *
 * One event thread, until its standard input ends. bench/tracking measures it beside the service: what lies between the
 * two is ours. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum MHD_Result answer(void *response, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_len, void **seen) {
    /* The first call comes with the head; an answer to it would close the connection. */
    if (*seen == NULL) {
        *seen = response;
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

int main(int argument_count, char **arguments) {
    static char gif[] = "GIF89a\1\0\1\0\200\0\0\0\0\0\377\377\377!\371\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;", byte;
    if (argument_count < 2) return 2;
    size_t memory = argument_count > 2 ? strtoul(arguments[2], NULL, 10) : 4096;
    struct MHD_Response *response = MHD_create_response_from_buffer(43, gif, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) return 1;
    MHD_add_response_header(response, "Content-Type", "image/gif");
    MHD_add_response_header(response, "Cache-Control", "no-store, private");
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)strtoul(arguments[1], NULL, 10), NULL, NULL, answer,
                         response, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, MHD_OPTION_END);
    if (daemon == NULL) return 1;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    MHD_stop_daemon(daemon);
    MHD_destroy_response(response);
    return 0;
}
