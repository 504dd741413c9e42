/* banned: calls that this project does not use; the compiler refuses them. Included by every .c file last. */
#ifndef INKLING_BASE_BANNED_H
#define INKLING_BASE_BANNED_H

#undef alloca /* a macro of glibc; clang refuses to poison a macro */

#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat strtok gets gmtime localtime ctime asctime mktime
#pragma GCC poison atoi atol atoll rand srand random srandom tmpnam mktemp alloca system setenv putenv

#endif
