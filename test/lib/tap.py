"""What test programs print: TAP, the Test Anything Protocol; and the options that all random ones have."""
import argparse
import random
import traceback

number = failures = 0


def comment(text):
	for line in str(text).rstrip().split('\n'):
		print('#', line if len(line) < 2000 else line[:1000] + ' ... ' + line[-1000:], flush=True)


def ok(faults, description):
	"""One test, which passes if there are no faults. Returns whether it passes."""
	global number, failures
	faults = list(dict.fromkeys(map(str, faults)))
	number += 1
	failures += bool(faults)
	print('%s %d - %s' % ('not ok' if faults else 'ok', number, description.replace('#', '_')), flush=True)
	for fault in faults[:5]:
		comment(fault)
	if len(faults) > 5:
		comment('... and %d more' % (len(faults) - 5))
	return not faults


def equal(found, expected, description):
	return ok([] if found == expected else ['got: %s' % (found,), 'expected: %s' % (expected,)], description)


def skip(description, reason):
	global number
	number += 1
	print('ok %d - %s # SKIP %s' % (number, description, reason), flush=True)


def end():
	"""Says how many tests there were. Returns the exit status of the program."""
	print('1..%d' % number, flush=True)
	return 1 if failures else 0


def parser(about, seconds):
	"""Understands --seed and --seconds; the program may add to it."""
	options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
	options.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1000000))
	options.add_argument('--seconds', type=float, default=seconds)
	return options


def parsed(options):
	"""The options of this run; says its seed."""
	values = options.parse_args()
	comment('seed %d' % values.seed)
	return values


def run(tests, options):
	"""Runs functions that are given the seed and the seconds, and return their faults or, if they cannot run, why. With --only,
	just that one."""
	for test in tests:
		if options.only not in (None, test.__name__):
			continue
		try:
			faults = test(options.seed, options.seconds)
		except Exception:  # the program itself is wrong
			faults = [traceback.format_exc()]
		if isinstance(faults, str):
			skip(test.__name__, faults)
		else:
			ok(faults, '%s: %s' % (test.__name__, test.__doc__))
