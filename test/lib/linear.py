"""Does any order of the statements explain their answers? A checker of linearizability that knows transactions.

It looks at one thing, such as an order line: all statements that have to do with it are its steps. Each step takes effect at
one moment between its start and its end. What it says is a function from the state that it finds to the states that may come
of it; no state, if the answer would be impossible then. The checker follows all courses that things may have taken, and
knows after the end of each step which of these are left. If none is, the answer of that step cannot be right.

How things are: what is committed and, for each open transaction, its view. That is its snapshot, if it keeps one, what it has
made of the thing, and the latter as of each savepoint. Whoever has changed the thing keeps others from changing it until the
end of the transaction, or until that is rolled back.

A state may have a "hold" with the earliest and the latest moment ("first", "last") at which it may expire. A step whose
clock may be later finds None instead of such a state.
"""
import collections

CLEAN = 'clean'  # the transaction has no snapshot yet, or has changed nothing
View = collections.namedtuple('View', 'snapshot own savepoints')
Course = collections.namedtuple('Course', 'committed views done')
Transaction = collections.namedtuple('Transaction', 'id keeps_snapshot')


def always(state):
	return [state]


def changed(known, after):
	"""What satisfies known becomes after(state)."""
	return lambda state: [after(state)] if known(state) else []


def unchanged(known):
	def change(state):
		return [state] if known(state) else []
	change.only_reads = True
	return change


class Step:
	"""What a statement means for the thing.

	kind is 'call', 'failed' (a call that has failed), 'snapshot', 'commit', 'rollback', 'SAVEPOINT', 'ROLLBACK TO' or 'RELEASE'.
	An optional step may have happened or not. "after" is a step that takes effect before this one though they overlap.
	"""

	def __init__(self, start, end, change=always, kind='call', transaction=None, name=None, is_optional=False, text='', after=None):
		self.start, self.end, self.kind, self.change = start, end, kind, change
		self.transaction, self.name, self.is_optional, self.text = transaction, name, is_optional, text
		self.only_reads = getattr(change, 'only_reads', False)
		self.after = after


def may_find(step, state):
	"""What a call may take the state for: it reads the clock once, and a hold that has expired by then is nothing."""
	hold = getattr(state, 'hold', None)
	if hold:
		return ([state] if hold.last > step.start else []) + ([None] if hold.first <= step.end else [])
	return [state]


def effects(step, before):
	"""What a call may find, and what may come of it."""
	for found in may_find(step, before):
		for state in step.change(found):
			# If it changes nothing where there was nothing, others may still see the hold for as long as it lasts.
			yield found, before if state == found else state


def is_unchanged(step, found, before, committed):
	"""
	May a transaction that keeps its snapshot, which shows before, still write? Where it finds nothing, there may have been
	holds since, as long as they may be gone, too: others take them back, and that leaves no trace here.
	"""
	return before == committed or found is None and None in may_find(step, committed)


def take_effect(step, committed, views):
	"""How things may be after a step: what is committed, and the views."""
	if step.transaction is None:
		is_locked = any(view.own is not CLEAN for _, view in views)
		for _, state in effects(step, committed):
			if state == committed or not is_locked:
				yield state, views
		return

	me = step.transaction.id
	others = tuple(item for item in views if item[0] != me)
	mine = dict(views).get(me, View(CLEAN, CLEAN, ()))

	def after(**new):
		return committed, tuple(sorted([*others, (me, mine._replace(**new))], key=lambda item: item[0]))

	def until_savepoint():
		return mine.savepoints[:max(n for n, (name, _) in enumerate(mine.savepoints) if name == step.name)]

	if step.kind == 'commit':
		yield (committed if mine.own is CLEAN else mine.own), others
	elif step.kind == 'rollback':
		yield committed, others
	elif step.kind == 'snapshot':
		yield after(snapshot=committed)
	elif step.kind == 'SAVEPOINT':
		yield after(savepoints=(*mine.savepoints, (step.name, mine.own)))
	elif step.kind == 'RELEASE':
		yield after(savepoints=until_savepoint())
	elif step.kind == 'ROLLBACK TO':
		kept = until_savepoint()
		own = mine.savepoints[len(kept)][1]
		yield after(savepoints=(*kept, (step.name, own)), own=own)
	else:
		before = mine.own
		if before is CLEAN:
			before = mine.snapshot if step.transaction.keeps_snapshot else committed
		if before is CLEAN and step.change is not always:
			return  # its snapshot comes first
		for found, state in effects(step, before):
			if step.kind == 'failed':
				# What was locked since the last savepoint is free as soon as the call has failed.
				yield after(own=mine.savepoints[-1][1] if mine.savepoints else CLEAN)
			elif state == before:
				yield after()
			elif mine.own is not CLEAN or is_unchanged(step, found, before, committed) and \
					all(view.own is CLEAN for _, view in others):
				yield after(own=state)


def is_harmless(step, views):
	"""Does it make no difference to any other step, nor to what may come later, when this one takes effect?"""
	if step.transaction is None:
		return step.only_reads
	view = dict(views).get(step.transaction.id)
	return step.kind in ('SAVEPOINT', 'RELEASE') or \
		step.kind in ('failed', 'ROLLBACK TO', 'commit', 'rollback') and (view is None or view.own is CLEAN)


def can_come_next(step, course, pending):
	return step not in course.done and (step.after not in pending or step.after in course.done)


def with_harmless(course, pending):
	"""Lets such steps take effect as soon as they can. It leaves far fewer courses to follow."""
	for step in pending:
		if can_come_next(step, course, pending) and is_harmless(step, course.views):
			for committed, views in take_effect(step, course.committed, course.views):
				course = Course(committed, views, course.done | {step})
	return course


def courses_after(step, courses, pending):
	"""The courses on which the step has taken effect, and with it those of pending that had to come before it."""
	to_do = [with_harmless(course, pending) for course in courses]
	seen, found = set(to_do), set()
	while to_do:
		course = to_do.pop()
		if step in course.done:
			found.add(course._replace(done=course.done - {step}))
			continue
		if step.is_optional:
			found.add(course)
		for other in pending:
			if can_come_next(other, course, pending):
				for committed, views in take_effect(other, course.committed, course.views):
					further = with_harmless(Course(committed, views, course.done | {other}), pending)
					if further not in seen:
						seen.add(further)
						to_do.append(further)
	return found


def first_fault(steps):
	"""The first step that nothing explains, and the courses before it; None if all is explained. At first there is nothing."""
	events = sorted([(step.start, 0, n) for n, step in enumerate(steps)] + [(step.end, 1, n) for n, step in enumerate(steps)])
	courses, pending = {Course(None, (), frozenset())}, []
	for _, is_end, n in events:
		step = steps[n]
		if not is_end:
			pending.append(step)
			continue
		further = courses_after(step, courses, pending)
		if not further:
			return step, courses
		pending.remove(step)
		courses = further
	return None


def fault(name, steps):
	"""What is wrong with the steps of the thing of that name, with those before it; None if all is explained."""
	unexplained = first_fault(steps)
	if not unexplained:
		return None
	last, courses = unexplained
	before = sorted([step for step in steps if step.start < last.end and step is not last], key=lambda step: step.end)
	first = min(step.start for step in steps)
	return '\n'.join(['%s: nothing explains the last of' % (name,)] +
		['  %8.1f - %8.1f ms %s' % (1000 * (step.start - first), 1000 * (step.end - first), step.text) for step in [*before[-25:], last]] +
		['  before it, there might have been: %s' % sorted({str(course.committed) for course in courses})])
