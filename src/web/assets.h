/* assets: the files of the web application, compiled in. The table is written by web/build.mjs. */
#ifndef INKLING_WEB_ASSETS_H
#define INKLING_WEB_ASSETS_H

#include "base/slice.h"

enum web_coding { WEB_IDENTITY, WEB_GZIP, WEB_BROTLI, WEB_CODING_COUNT };

struct web_asset {
    const char *name; /* with its hash: "main-3FA2B1C9.js" */
    const char *type;
    const char *hash;                     /* of the bytes as they are */
    struct slice bytes[WEB_CODING_COUNT]; /* a coding that saves nothing is empty */
};

extern const struct web_asset web_assets[];
extern const size_t web_assets_count;
/* The components for pages of other systems. */
extern const struct web_asset web_embed;
/* The page that every screen begins with; web.c fills its marks in. */
extern const struct slice web_shell;

#endif
