/* openapi: docs/openapi.yaml as JSON, made at build time. */
#ifndef INKLING_API_OPENAPI_H
#define INKLING_API_OPENAPI_H

#include "base/slice.h"

extern const struct slice openapi_json;

#endif
