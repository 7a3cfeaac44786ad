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

/* From 18 on, a library says of which release it is. */
#if PG_VERSION_NUM < 180000
#define PG_MODULE_MAGIC_EXT(...) PG_MODULE_MAGIC
#endif

#if PG_VERSION_NUM < 160000
#define member_can_set_role(member, role) is_member_of_role(member, role)
#endif

#if PG_VERSION_NUM < 170000
#define SearchPathMatchesCurrentEnvironment(path) OverrideSearchPathMatchesCurrent(path)
#endif

#endif							/* COMPAT_H */
