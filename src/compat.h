/*
 * compat.h
 *		What differs between the supported PostgreSQL releases, and nothing else.
 *		Include it right after postgres.h.
 */
#ifndef COMPAT_H
#define COMPAT_H

/* Before 16, a module built with -fvisibility=hidden has to export its functions itself. */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#endif

#endif							/* COMPAT_H */
