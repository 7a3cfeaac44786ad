/*
 * compat.h
 *		Differences between the supported releases of PostgreSQL, and nothing else.
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
#define lock_is_held(tag, mode) LockHeldByMe(tag, mode)
#else
#define lock_is_held(tag, mode) LockHeldByMe(tag, mode, false)
#endif

/* From 19 on, a planner hook has one parameter more. */
#if PG_VERSION_NUM < 190000
#define PLANNER_PARAMETERS Query *parse, const char *query_string, int options, ParamListInfo values
#define PLANNER_ARGUMENTS parse, query_string, options, values
#else
#define PLANNER_PARAMETERS Query *parse, const char *query_string, int options, ParamListInfo values, \
	struct ExplainState *explain
#define PLANNER_ARGUMENTS parse, query_string, options, values, explain
#endif

#endif							/* COMPAT_H */
