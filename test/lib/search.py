"""Random examples by hypothesis: it makes them, and shortens one that fails."""
import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from lib.server import now

SETTINGS = {
	'deadline': None, 'database': None, 'print_blob': False, 'report_multiple_bugs': False,
	'suppress_health_check': list(hypothesis.HealthCheck),
}


def faults(test, seed, seconds, look=lambda: [], **settings):
	"""
	Tries ever new examples for so many seconds; they follow from the seed. The test is a function with examples as arguments,
	or a state machine. Now and then, looks for other faults. Returns those, or what the shortest example that fails has to say.
	"""
	end = now() + seconds
	chosen = hypothesis.settings(**SETTINGS, **settings)
	if not isinstance(test, type):
		test = chosen(test)
	while True:
		try:
			if isinstance(test, type):
				run_state_machine_as_test(hypothesis.seed(seed)(test), settings=chosen)
			else:
				hypothesis.seed(seed)(test)()
		except Exception as error:
			said = ['%s: %s\n%s' % (type(error).__name__, error, '\n'.join(getattr(error, '__notes__', [])))]
			cause = error.__cause__ or error.__context__  # where a failure does not come again, what it was
			return said + ['%s: %s' % (type(cause).__name__, cause)] * bool(cause)
		others = look()
		if others or now() > end:
			return others
		seed += 1
